#include "telemetry/sinks/otlp_answer.h"

#include <curl/curl.h>

#include <algorithm>
#include <exception>
#include <protozero/pbf_reader.hpp>

#include "base/text.h"

namespace glassgate::telemetry {
namespace {

using Kind = OtlpVerdict::Kind;

// https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
constexpr std::string_view kGrpcNames[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};
enum GrpcCode : uint32_t {
    kOk = 0,
    kCancelled = 1,
    kUnknown = 2,
    kDeadlineExceeded = 4,
    kPermissionDenied = 7,
    kResourceExhausted = 8,
    kAborted = 10,
    kOutOfRange = 11,
    kUnimplemented = 12,
    kInternal = 13,
    kUnavailable = 14,
    kDataLoss = 15,
    kUnauthenticated = 16,
};

// OTLP, "Failures": the table of retryable codes. RESOURCE_EXHAUSTED only with RetryInfo.
constexpr bool is_retryable(uint32_t code, bool has_retry_info) noexcept {
    switch (code) {
        case kCancelled:
        case kDeadlineExceeded:
        case kAborted:
        case kOutOfRange:
        case kUnavailable:
        case kDataLoss:
            return true;
        case kResourceExhausted:
            return has_retry_info;
        default:
            return false;
    }
}

// http-grpc-status-mapping.md: for an answer without grpc-status, from something that is no gRPC
// server (a proxy, the wrong port).
constexpr uint32_t code_of_http(long status) noexcept {
    switch (status) {
        case 400:
            return kInternal;
        case 401:
            return kUnauthenticated;
        case 403:
            return kPermissionDenied;
        case 404:
            return kUnimplemented;
        case 429:
        case 502:
        case 503:
        case 504:
            return kUnavailable;
        default:
            return kUnknown;
    }
}

// For error texts: one line, printable, bounded.
std::string printable(std::string_view text) {
    constexpr std::size_t kMax = 200;
    std::string out(text.substr(0, kMax));
    std::replace_if(out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return out;
}

// PROTOCOL-HTTP2.md, Status-Message: percent-encoded; what is not, is taken as it is.
std::string percent_decoded(std::string_view text) {
    const auto digit = [](char c) {
        const char l = to_lower(c);
        return l >= '0' && l <= '9' ? l - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
            digit(text[i + 2]) >= 0) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

// Base64 with or without padding (PROTOCOL-HTTP2.md, Binary-Header). Stops at a foreign character.
std::string base64_decoded(std::string_view text) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::size_t value = kAlphabet.find(c);
        if (value == std::string_view::npos) break;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>(bits >> count & 0xff);
        }
    }
    return out;
}

uint32_t bounded_ms(double milliseconds) noexcept {
    return static_cast<uint32_t>(std::clamp(milliseconds, 0.0, double{kRetryAfterMsMax}));
}

// What of a google.rpc.Status concerns us: {message = 2, details = 3 (Any {type_url = 1,
// value = 2})}, where a detail may be a RetryInfo {retry_delay = 1 (Duration {seconds = 1,
// nanos = 2})}.
struct RpcStatus {
    std::string message;
    std::optional<uint32_t> retry_delay_ms;
};

uint32_t read_retry_info(protozero::pbf_reader info) {
    double delay_ms = 0;
    while (info.next(1)) {
        protozero::pbf_reader duration = info.get_message();
        while (duration.next()) {
            if (duration.tag() == 1 && duration.wire_type() == protozero::pbf_wire_type::varint)
                delay_ms += static_cast<double>(duration.get_int64()) * 1e3;
            else if (duration.tag() == 2 &&
                     duration.wire_type() == protozero::pbf_wire_type::varint)
                delay_ms += static_cast<double>(duration.get_int32()) / 1e6;
            else
                duration.skip();
        }
    }
    return bounded_ms(delay_ms);
}

void read_detail(protozero::pbf_reader detail, RpcStatus& status) {
    std::string type;
    protozero::data_view value{};
    while (detail.next()) {
        if (detail.tag() == 1)
            type = detail.get_string();
        else if (detail.tag() == 2)
            value = detail.get_view();
        else
            detail.skip();
    }
    if (type.ends_with("google.rpc.RetryInfo"))
        status.retry_delay_ms = read_retry_info(protozero::pbf_reader(value));
}

// A detail that cannot be read is as good as none: protozero throws, and this is foreign data.
RpcStatus read_rpc_status(const std::string& bytes) {
    RpcStatus status;
    try {
        protozero::pbf_reader reader(bytes);
        while (reader.next()) {
            if (reader.tag() == 2)
                status.message = reader.get_string();
            else if (reader.tag() == 3)
                read_detail(reader.get_message(), status);
            else
                reader.skip();
        }
    } catch (const std::exception&) {
        status.retry_delay_ms.reset();
    }
    return status;
}

// ExportTraceServiceResponse {partial_success = 1 (ExportTracePartialSuccess {rejected_spans = 1,
// error_message = 2})}. The batch must not be sent again, whatever this says.
OtlpVerdict read_export_response(std::string_view message) {
    OtlpVerdict verdict;
    try {
        protozero::pbf_reader reader(message.data(), message.size());
        while (reader.next()) {
            if (reader.tag() != 1) {
                reader.skip();
                continue;
            }
            protozero::pbf_reader partial = reader.get_message();
            while (partial.next()) {
                if (partial.tag() == 1)
                    verdict.rejected_spans =
                        static_cast<uint64_t>(std::max<int64_t>(0, partial.get_int64()));
                else if (partial.tag() == 2)
                    verdict.error = printable(partial.get_string());
                else
                    partial.skip();
            }
        }
    } catch (const std::exception&) {
        return {Kind::refused, 0, 0, "the answer is not an ExportTraceServiceResponse"};
    }
    verdict.kind = Kind::accepted;
    if (verdict.rejected_spans != 0) {
        std::string text;
        append_u64(text, verdict.rejected_spans);
        verdict.error = text + " spans rejected: " + verdict.error;
    }
    return verdict;
}

// PROTOCOL-HTTP2.md, Length-Prefixed-Message: compressed flag, 4 bytes of length, message. We
// accept no compression, so the flag is 0.
OtlpVerdict read_grpc_message(std::string_view body) {
    constexpr std::size_t kPrefix = 5;
    if (body.size() < kPrefix || body[0] != 0)
        return {Kind::refused, 0, 0, "the answer is not a gRPC message"};
    std::size_t length = 0;
    for (std::size_t i = 1; i < kPrefix; ++i) length = length << 8 | static_cast<uint8_t>(body[i]);
    if (length != body.size() - kPrefix) return {Kind::refused, 0, 0, "the gRPC message is cut"};
    return read_export_response(body.substr(kPrefix));
}

OtlpVerdict transport_failed(const OtlpAnswer& answer) {
    return {Kind::try_later, 0, 0, answer.transport_error};
}

std::string http_status_text(long status) {
    std::string text = "HTTP ";
    append_u64(text, static_cast<uint64_t>(std::max(status, 0L)));
    return text;
}

// Retry-After (RFC 9110 §10.2.3): seconds or a date.
uint32_t read_retry_after(const std::string& value, time_t now_s) {
    if (value.empty()) return 0;
    if (const auto seconds = parse_u64(value))
        return bounded_ms(static_cast<double>(*seconds) * 1e3);
    const time_t date = curl_getdate(value.c_str(), nullptr);
    return date > now_s ? bounded_ms(static_cast<double>(date - now_s) * 1e3) : 0;
}

bool is_protobuf(std::string_view content_type) {
    return iequals(trim_ows(content_type.substr(0, content_type.find(';'))),
                   "application/x-protobuf");
}

}  // namespace

void OtlpAnswer::read_header_line(std::string_view line) {
    if (line.starts_with("HTTP/")) {
        *this = OtlpAnswer{};
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view name = line.substr(0, colon);
    std::string_view rest = line.substr(colon + 1);
    while (!rest.empty() && (rest.back() == '\r' || rest.back() == '\n')) rest.remove_suffix(1);
    const std::string_view value = trim_ows(rest);
    if (iequals(name, "content-type"))
        content_type = value;
    else if (iequals(name, "retry-after"))
        retry_after = value;
    else if (iequals(name, "grpc-status"))
        grpc_status = value;
    else if (iequals(name, "grpc-message"))
        grpc_message = value;
    else if (iequals(name, "grpc-status-details-bin"))
        grpc_status_details = value;
}

OtlpVerdict judge_grpc(const OtlpAnswer& answer) {
    if (!answer.transport_error.empty()) return transport_failed(answer);
    uint32_t code = code_of_http(answer.http_status);
    std::string message = http_status_text(answer.http_status) + " without grpc-status";
    if (answer.grpc_status) {
        const auto number = parse_u64(*answer.grpc_status);
        code = number && *number < std::size(kGrpcNames) ? static_cast<uint32_t>(*number)
                                                         : uint32_t{kUnknown};
        message = printable(percent_decoded(answer.grpc_message));
    }
    if (code == kOk) return read_grpc_message(answer.body);
    const RpcStatus status = read_rpc_status(base64_decoded(answer.grpc_status_details));
    const bool retry = is_retryable(code, status.retry_delay_ms.has_value());
    std::string error(kGrpcNames[code]);
    if (!message.empty()) error += ": " + message;
    return {retry ? Kind::try_later : Kind::refused, 0, status.retry_delay_ms.value_or(0),
            std::move(error)};
}

OtlpVerdict judge_http(const OtlpAnswer& answer, time_t now_s) {
    if (!answer.transport_error.empty()) return transport_failed(answer);
    const long status = answer.http_status;
    if (status >= 200 && status < 300) {
        // Some receivers answer in JSON or with nothing at all; their 2xx says enough.
        if (!is_protobuf(answer.content_type)) return {Kind::accepted, 0, 0, {}};
        return read_export_response(answer.body);
    }
    std::string error = http_status_text(status);
    // OTLP/HTTP, Failures: the body of an error is a google.rpc.Status.
    const std::string why =
        is_protobuf(answer.content_type) ? read_rpc_status(answer.body).message : answer.body;
    if (!why.empty()) error += ": " + printable(why);
    const bool retry = status == 429 || status == 502 || status == 503 || status == 504;
    if (!retry) return {Kind::refused, 0, 0, std::move(error)};
    return {Kind::try_later, 0, read_retry_after(answer.retry_after, now_s), std::move(error)};
}

}  // namespace glassgate::telemetry
