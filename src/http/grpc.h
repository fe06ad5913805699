// gRPC over HTTP/2, as far as a proxy has to know it: which requests are gRPC, how they ended, how
// long they may take, refusing one, and asking an upstream for its health. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/h2/field_list.h"
#include "http/message.h"

namespace glassgate::http::grpc {

// The status codes of gRPC. A peer may send others, which mean unknown.
enum class Status : uint8_t {
    ok = 0,
    cancelled = 1,
    unknown = 2,
    invalid_argument = 3,
    deadline_exceeded = 4,
    not_found = 5,
    already_exists = 6,
    permission_denied = 7,
    resource_exhausted = 8,
    failed_precondition = 9,
    aborted = 10,
    out_of_range = 11,
    unimplemented = 12,
    internal = 13,
    unavailable = 14,
    data_loss = 15,
    unauthenticated = 16,
};
inline constexpr std::size_t kStatusCount = 17;
[[nodiscard]] std::string_view to_text(Status status) noexcept;  // "DEADLINE_EXCEEDED"

// "application/grpc", also with a suffix ("+proto") or parameters; not gRPC-Web, which is another
// protocol.
[[nodiscard]] bool is_grpc(std::string_view content_type) noexcept;

// grpc-status: decimal digits. A number that is no status is `unknown`; what is no number is
// nothing.
[[nodiscard]] std::optional<Status> read_status(std::string_view value) noexcept;

// grpc-message is percent-encoded UTF-8. Broken escapes stay as they are: a message must never make
// a failed call fail otherwise. Appended.
void append_decoded_message(std::string& out, std::string_view encoded);
void append_encoded_message(std::string& out, std::string_view message);

// How a call ended: from its trailer section ("name: value\r\n" lines), or from a head that is also
// the trailers. `status` is empty when neither says so: the status follows from HTTP then.
struct Outcome {
    std::optional<Status> status;
    std::string_view message;  // as sent, encoded
};
[[nodiscard]] Outcome outcome_of_trailers(std::string_view lines) noexcept;
[[nodiscard]] Outcome outcome_of_head(const ResponseHead& head) noexcept;

// What a client takes an HTTP status without grpc-status for (gRPC's http-grpc-status-mapping).
[[nodiscard]] Status status_of_http(uint16_t http_status) noexcept;

// grpc-timeout: up to eight digits and a unit. Nanoseconds; UINT64_MAX if it is longer than that.
[[nodiscard]] std::optional<uint64_t> read_timeout_ns(std::string_view value) noexcept;
// In the finest unit that eight digits allow, rounded up. Appended.
void append_timeout(std::string& out, uint64_t timeout_ns);

// A refusal: HTTP 200 with a head that is also the trailers; there is no body. `message` is encoded
// here. Further fields may be added by the caller.
void write_refusal(h2::FieldList& out, Status status, std::string_view message);

// ---- grpc.health.v1 ---------------------------------------------------------------------------

inline constexpr std::string_view kHealthCheckPath = "/grpc.health.v1.Health/Check";

// A HealthCheckRequest for `service` (empty: the server as a whole) as the message of a unary call,
// with its length prefix. Appended.
void append_health_request(std::string& out, std::string_view service);

enum class Health : uint8_t { unknown = 0, serving = 1, not_serving = 2, service_unknown = 3 };
// The answer's body: one message that is not compressed. Nothing if it is not that.
[[nodiscard]] std::optional<Health> read_health_response(std::string_view body) noexcept;

}  // namespace glassgate::http::grpc
