#include "config/console_settings.h"

#include <netinet/in.h>

#include "io/socket.h"

namespace glassgate::config {

bool is_loopback(std::string_view address) noexcept {
    sockaddr_storage parsed{};
    if (!io::parse_address(std::string(address), 0, parsed)) return false;
    if (parsed.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(parsed);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(parsed).sin6_addr);
}

std::string_view problem_with_exposure(const ConsoleSettings& settings) {
    if (!settings.credentials.empty() || is_loopback(settings.address)) return {};
    return "the console listens beyond loopback only when credentials are configured";
}

}  // namespace glassgate::config
