#include "http/grpc.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/clock.h"
#include "base/text.h"

namespace glassgate::http::grpc {
namespace {

constexpr std::array<std::string_view, kStatusCount> kNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct Unit {
    char letter;
    uint64_t ns;
};
// Finest first.
constexpr Unit kUnits[] = {
    {'n', 1},
    {'u', 1'000},
    {'m', kNsPerMs},
    {'S', kNsPerSecond},
    {'M', 60 * kNsPerSecond},
    {'H', 3600 * kNsPerSecond},
};
constexpr uint64_t kMostInEightDigits = 99'999'999;

std::string_view trailer(std::string_view lines, std::string_view name) noexcept {
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(std::min(lines.size(), line.size() + 2));
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos && iequals(line.substr(0, colon), name))
            return trim_ows(line.substr(colon + 1));
    }
    return {};
}

}  // namespace

std::string_view to_text(Status status) noexcept {
    const auto index = static_cast<std::size_t>(status);
    return index < kNames.size() ? kNames[index] : kNames[2];
}

bool is_grpc(std::string_view content_type) noexcept {
    constexpr std::string_view kType = "application/grpc";
    if (!iequals(content_type.substr(0, kType.size()), kType)) return false;
    const std::string_view rest = content_type.substr(kType.size());
    return rest.empty() || rest[0] == '+' || rest[0] == ';' || rest[0] == ' ' || rest[0] == '\t';
}

std::optional<Status> read_status(std::string_view value) noexcept {
    const auto number = parse_u64(value);
    if (!number) return std::nullopt;
    return *number < kStatusCount ? static_cast<Status>(*number) : Status::unknown;
}

void append_decoded_message(std::string& out, std::string_view encoded) {
    for (std::size_t i = 0; i < encoded.size(); ++i) {
        if (encoded[i] == '%' && i + 2 < encoded.size()) {
            const int high = hex_digit(encoded[i + 1]), low = hex_digit(encoded[i + 2]);
            if (high >= 0 && low >= 0) {
                out.push_back(static_cast<char>(high << 4 | low));
                i += 2;
                continue;
            }
        }
        out.push_back(encoded[i]);
    }
}

void append_encoded_message(std::string& out, std::string_view message) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    for (const char c : message) {
        const auto byte = static_cast<uint8_t>(c);
        if (byte >= 0x20 && byte <= 0x7e && c != '%') {
            out.push_back(c);
            continue;
        }
        out.push_back('%');
        out.push_back(kDigits[byte >> 4]);
        out.push_back(kDigits[byte & 15]);
    }
}

Outcome outcome_of_trailers(std::string_view lines) noexcept {
    return {read_status(trailer(lines, "grpc-status")), trailer(lines, "grpc-message")};
}

Outcome outcome_of_head(const ResponseHead& head) noexcept {
    return {read_status(find(head.headers, "grpc-status")), find(head.headers, "grpc-message")};
}

Status status_of_http(uint16_t http_status) noexcept {
    switch (http_status) {
        case 400:
            return Status::internal;
        case 401:
            return Status::unauthenticated;
        case 403:
            return Status::permission_denied;
        case 404:
            return Status::unimplemented;
        case 429:
        case 502:
        case 503:
        case 504:
            return Status::unavailable;
        default:
            return Status::unknown;
    }
}

std::optional<uint64_t> read_timeout_ns(std::string_view value) noexcept {
    if (value.size() < 2 || value.size() > 9) return std::nullopt;
    const auto amount = parse_u64(value.substr(0, value.size() - 1));
    if (!amount) return std::nullopt;
    for (const Unit& unit : kUnits)
        if (unit.letter == value.back())
            return *amount > UINT64_MAX / unit.ns ? UINT64_MAX : *amount * unit.ns;
    return std::nullopt;
}

void append_timeout(std::string& out, uint64_t timeout_ns) {
    for (const Unit& unit : kUnits) {
        const uint64_t amount = timeout_ns / unit.ns + (timeout_ns % unit.ns != 0 ? 1 : 0);
        if (amount > kMostInEightDigits) continue;  // in hours everything fits
        append_u64(out, amount);
        out.push_back(unit.letter);
        return;
    }
}

void write_refusal(h2::FieldList& out, Status status, std::string_view message) {
    out.clear();
    out.add(":status", "200");
    out.add("content-type", "application/grpc");
    out.add_number("grpc-status", static_cast<uint64_t>(status));
    if (message.empty()) return;
    std::string encoded;
    append_encoded_message(encoded, message);
    out.add("grpc-message", out.made().keep(encoded));
}

// ---- grpc.health.v1 -----------------------------------------------------------------------------

namespace {

constexpr std::size_t kPrefixBytes = 5;  // compressed?, length

void append_varint(std::string& out, uint64_t value) {
    for (; value >= 128; value >>= 7) out.push_back(static_cast<char>(value | 128));
    out.push_back(static_cast<char>(value));
}

bool read_varint(std::string_view& from, uint64_t& value) noexcept {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
        const auto byte = static_cast<uint8_t>(from.front());
        from.remove_prefix(1);
        value |= uint64_t{byte & 127u} << shift;
        if ((byte & 128) == 0) return true;
    }
    return false;
}

// A field of protobuf's wire format that is of no interest.
bool skip_field(std::string_view& from, uint64_t wire_type) noexcept {
    uint64_t bytes = 0;
    switch (wire_type) {
        case 0:
            return read_varint(from, bytes);
        case 1:
            bytes = 8;
            break;
        case 2:
            if (!read_varint(from, bytes)) return false;
            break;
        case 5:
            bytes = 4;
            break;
        default:
            return false;
    }
    if (bytes > from.size()) return false;
    from.remove_prefix(bytes);
    return true;
}

}  // namespace

void append_health_request(std::string& out, std::string_view service) {
    std::string message;
    if (!service.empty()) {
        message.push_back(0x0a);  // field 1, length-delimited
        append_varint(message, service.size());
        message += service;
    }
    out.push_back(0);
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(message.size() >> shift));
    out += message;
}

std::optional<Health> read_health_response(std::string_view body) noexcept {
    if (body.size() < kPrefixBytes || body[0] != 0) return std::nullopt;
    std::size_t length = 0;
    for (std::size_t i = 1; i < kPrefixBytes; ++i)
        length = length << 8 | static_cast<uint8_t>(body[i]);
    std::string_view message = body.substr(kPrefixBytes);
    if (length != message.size()) return std::nullopt;
    uint64_t status = 0;  // the default of proto3
    while (!message.empty()) {
        uint64_t key = 0;
        if (!read_varint(message, key)) return std::nullopt;
        if (key == (1 << 3 | 0)) {  // field 1, varint
            if (!read_varint(message, status)) return std::nullopt;
        } else if (key >> 3 == 0 || !skip_field(message, key & 7)) {
            return std::nullopt;
        }
    }
    return status <= 3 ? static_cast<Health>(status) : Health::unknown;
}

}  // namespace glassgate::http::grpc
