// What an OTLP receiver answered, and what it means for the batch. Pure; the transport
// (otlp_transport.h) fills an OtlpAnswer, the sink acts on the OtlpVerdict.
//
// https://github.com/open-telemetry/opentelemetry-proto/blob/main/docs/specification.md ("OTLP"),
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and http-grpc-status-mapping.md.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace glassgate::telemetry {

struct OtlpAnswer {
    std::string transport_error;  // not empty: there was no complete answer
    long http_status = 0;
    std::string content_type;
    std::string retry_after;
    std::optional<std::string> grpc_status;  // from the trailers, or the header of a bare refusal
    std::string grpc_message;                // still percent-encoded
    std::string grpc_status_details;  // grpc-status-details-bin: base64 of a google.rpc.Status
    std::string body;

    // One line of a header section or of the trailers, as curl hands it over. A status line begins
    // a new answer (100 Continue comes before the real one).
    void read_header_line(std::string_view line);
};

struct OtlpVerdict {
    enum class Kind : uint8_t {
        accepted,   // all of it, except `rejected_spans`; must not be sent again
        refused,    // must not be sent again
        try_later,  // may be sent again, after retry_after_ms when that is not 0
    };
    Kind kind = Kind::refused;
    uint64_t rejected_spans = 0;
    uint32_t retry_after_ms = 0;
    std::string error;  // empty only when everything was accepted without a remark
};

[[nodiscard]] OtlpVerdict judge_grpc(const OtlpAnswer& answer);
// `now_s`: wall clock, to read a Retry-After that is a date.
[[nodiscard]] OtlpVerdict judge_http(const OtlpAnswer& answer, time_t now_s);

// A receiver may ask to be left alone, but not for so long that an operator would think it dead.
inline constexpr uint32_t kRetryAfterMsMax = 5 * 60 * 1000;

}  // namespace glassgate::telemetry
