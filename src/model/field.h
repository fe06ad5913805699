// The field catalogue: every fact of an exchange that a log line, a span or an audit entry can
// show, with its name (contract), type, sensitivity and meaning. A field that no projection of the
// plan asks for is not captured from the request.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glassgate::model {

enum class Field : uint8_t {
    request_id,
    request_timestamp,
    request_path,
    request_query,
    request_method,
    request_host,
    request_scheme,
    request_protocol,
    request_bytes,
    request_remote_address,
    request_user_agent,
    request_header,  // request.headers.<name>: parameterised
    response_status,
    response_bytes,
    response_duration_ms,
    response_ending,
    response_origin,
    route_id,
    route_path,
    api_name,
    client_id,
    client_name,
    jwt_claim,  // jwt.<claim>, jwt.sub and jwt.org_id among them: parameterised
    tls_version,
    tls_cipher,
    tls_client_cert_subject,
    tls_client_cert_serial,
    tls_client_cert_san,
    tls_client_cert_fingerprint,
    tls_server_name,
    grpc_status,
    policy_outcomes,
    upstream_name,
    upstream_address,
    upstream_attempts,
    upstream_connect_ms,
    upstream_first_byte_ms,
    trace_id,
    span_id,
    gateway_name,
    gateway_mode,
};
inline constexpr std::size_t kFieldCount = static_cast<std::size_t>(Field::gateway_mode) + 1;

enum class FieldType : uint8_t { text, integer, milliseconds, timestamp, outcomes };
enum class Sensitivity : uint8_t {
    plain,     // written as it is
    scanned,   // card numbers are masked
    redacted,  // secrets inside are removed by default, then as `scanned`
};

struct FieldDescription {
    Field field;
    std::string_view name;  // for parameterised fields the prefix, with its dot
    FieldType type;
    Sensitivity sensitivity;
    std::string_view doc;
};

[[nodiscard]] std::span<const FieldDescription> field_catalogue() noexcept;
[[nodiscard]] const FieldDescription& describe(Field field) noexcept;

// A field as a plan names it: the field and, for parameterised ones, its parameter ("sub",
// lower-case header name) and the capture slot in Exchange::captures.
inline constexpr uint8_t kNoSlot = 0xff;
inline constexpr std::size_t kMaxCaptures = 24;

struct FieldRef {
    Field field = Field::request_id;
    uint8_t slot = kNoSlot;
    std::string parameter;
};

// What a plan captures: which fields, and for each capture slot which header or claim.
class FieldSelection {
public:
    // Parses a name of the contract ("request.path", "request.headers.x-tenant", "jwt.sub") and
    // adds it; the same header or claim gets the same slot. Nothing if the name is unknown or all
    // kMaxCaptures slots are taken.
    std::optional<FieldRef> add(std::string_view name);
    void add(Field field) noexcept { mask_ |= bit(field); }

    [[nodiscard]] bool has(Field field) const noexcept { return (mask_ & bit(field)) != 0; }
    // Slot i holds this header (field == request_header) or claim (field == jwt_claim).
    [[nodiscard]] const std::vector<FieldRef>& slots() const noexcept { return slots_; }

private:
    static constexpr uint64_t bit(Field f) noexcept {
        return uint64_t{1} << static_cast<unsigned>(f);
    }
    static_assert(kFieldCount <= 64);
    uint64_t mask_ = 0;
    std::vector<FieldRef> slots_;
};

}  // namespace glassgate::model
