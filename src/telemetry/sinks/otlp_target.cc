#include "telemetry/sinks/otlp_target.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "base/text.h"

namespace glassgate::telemetry {
namespace {

constexpr std::string_view kGrpcPath =
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr std::string_view kHttpPath = "/v1/traces";  // OTLP/HTTP Request

using CurlUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
    std::string copy(text);
    curl_free(text);
    return copy;
}

// RFC 9110 §5.6.2: tchar.
bool is_token(std::string_view text) {
    const auto is_tchar = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), is_tchar);
}

// Headers that are the protocol's own, or that would change the framing of the message.
bool is_reserved(std::string_view name) {
    constexpr std::string_view kReserved[] = {
        "content-type", "content-length", "content-encoding", "transfer-encoding", "te",
        "host",         "connection",     "expect",           "grpc-timeout",      "grpc-encoding"};
    return std::any_of(std::begin(kReserved), std::end(kReserved),
                       [name](std::string_view r) { return iequals(name, r); });
}

Status add_users_headers(const TracingSettings& settings, std::vector<std::string>& lines) {
    for (const auto& [name, value] : settings.headers) {
        if (!is_token(name) || is_reserved(name))
            return failure("tracing header '" + name + "' cannot be set");
        const bool clean = std::none_of(value.begin(), value.end(), [](char c) {
            return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f';
        });
        // The value is not quoted: it is often a key.
        if (!clean)
            return failure("the value of tracing header '" + name + "' has a control character");
        // curl: "name;" is how to send a header without a value.
        lines.push_back(value.empty() ? name + ";" : name + ": " + value);
    }
    return {};
}

}  // namespace

Result<OtlpTransport::Target> otlp_target(const TracingSettings& settings) {
    const CurlUrl url(curl_url(), &curl_url_cleanup);
    if (url == nullptr) return failure("libcurl has no memory");
    const bool is_url = settings.endpoint.find("://") != std::string::npos;
    const std::string text = is_url ? settings.endpoint : "http://" + settings.endpoint;
    const auto wrong = [&settings](std::string_view why) {
        return failure("tracing endpoint '" + settings.endpoint + "' " + std::string(why) +
                       "; expected a URL such as http://jaeger:4317");
    };
    if (settings.endpoint.empty() ||
        curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
        return wrong("is not a URL");
    const std::string scheme = part_of(url.get(), CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") return wrong("is neither http nor https");

    OtlpTransport::Target target;
    target.grpc = settings.protocol == OtlpProtocol::grpc;
    const std::string path = part_of(url.get(), CURLUPART_PATH);
    const bool has_path = !path.empty() && path != "/";
    if (target.grpc && has_path) return wrong("has a path, which gRPC does not use");
    const std::string_view new_path = target.grpc ? kGrpcPath : kHttpPath;
    if (!has_path &&
        curl_url_set(url.get(), CURLUPART_PATH, std::string(new_path).c_str(), 0) != CURLUE_OK)
        return wrong("is not a URL");
    target.url = part_of(url.get(), CURLUPART_URL);

    target.header_lines = {
        target.grpc ? "content-type: application/grpc" : "content-type: application/x-protobuf",
        "user-agent: OTel-OTLP-Exporter-Glassgate"};
    if (target.grpc) target.header_lines.push_back("te: trailers");
    TRY_STATUS(add_users_headers(settings, target.header_lines));
    return target;
}

}  // namespace glassgate::telemetry
