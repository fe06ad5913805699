#include "console/origin.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "io/socket.h"

namespace glassgate::console {
namespace {

// "localhost:9900" -> localhost, "[::1]:9900" -> ::1
std::string_view host_of(std::string_view authority) noexcept {
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        return end == std::string_view::npos ? authority : authority.substr(1, end - 1);
    }
    return authority.substr(0, authority.rfind(':'));
}

}  // namespace

bool is_own_host(std::string_view authority, const config::ConsoleSettings& settings) noexcept {
    if (authority.empty()) return true;  // HTTP/1.0: no browser
    const std::string_view host = host_of(authority);
    sockaddr_storage ignored{};
    if (iequals(host, "localhost") || io::parse_address(std::string(host), 0, ignored)) return true;
    constexpr std::string_view kLocal = ".localhost";
    if (host.size() > kLocal.size() && iequals(host.substr(host.size() - kLocal.size()), kLocal))
        return true;
    return std::any_of(settings.hosts.begin(), settings.hosts.end(),
                       [&](const std::string& own) { return iequals(host, own); });
}

bool is_cross_site(std::string_view origin, std::string_view fetch_site,
                   std::string_view authority) noexcept {
    if (!fetch_site.empty() && fetch_site != "same-origin" && fetch_site != "none") return true;
    if (origin.empty()) return false;
    const std::size_t scheme = origin.find("://");
    return scheme == std::string_view::npos || !iequals(origin.substr(scheme + 3), authority);
}

}  // namespace glassgate::console
