#include "model/exchange.h"

namespace glassgate::model {
namespace {

constexpr std::string_view kAttemptResults[kAttemptResultCount] = {
    "response", "dns_failed", "connect_failed", "connect_timeout", "tls_failed", "timeout",
    "reset",    "malformed",  "body_reset",     "body_timeout",    "cancelled"};
constexpr std::string_view kProtocols[] = {"unknown", "HTTP/1.0", "HTTP/1.1", "HTTP/2"};
constexpr std::string_view kStreamKinds[kStreamKindCount] = {"none", "websocket", "sse",
                                                             "grpc", "h2stream",  "other"};

}  // namespace

std::string_view to_text(AttemptResult r) noexcept {
    return kAttemptResults[static_cast<std::size_t>(r)];
}
std::string_view to_text(Protocol p) noexcept { return kProtocols[static_cast<std::size_t>(p)]; }
std::string_view to_text(Scheme s) noexcept { return s == Scheme::http ? "http" : "https"; }
std::string_view to_text(StreamKind k) noexcept {
    return kStreamKinds[static_cast<std::size_t>(k)];
}

}  // namespace glassgate::model
