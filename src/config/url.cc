#include "config/url.h"

#include <algorithm>

#include "base/text.h"
#include "io/socket.h"

namespace glassgate::config {
namespace {

bool is_address(const std::string& host) {
    sockaddr_storage ignored{};
    return io::parse_address(host, 0, ignored);
}

bool is_name(std::string_view host) {
    if (host.empty() || host.size() > 253) return false;
    std::size_t label = 0;  // characters of the current label
    for (const char c : host) {
        const bool allowed =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (c == '.' ? label == 0 : !allowed) return false;
        label = c == '.' ? 0 : label + 1;
        if (label > 63) return false;
    }
    return true;
}

// Digits and dots alone are meant as an address, never as a name.
bool looks_like_ipv4(std::string_view host) {
    return std::all_of(host.begin(), host.end(),
                       [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

Status split_authority(std::string_view authority, Url& url) {
    std::string_view port;
    bool has_port = false;
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) return failure("has no ']' after the IPv6 address");
        url.host = authority.substr(1, end - 1);
        if (url.host.find(':') == std::string::npos || !is_address(url.host))
            return failure("has no IPv6 address between '[' and ']'");
        const std::string_view after = authority.substr(end + 1);
        has_port = after.starts_with(':');
        if (!after.empty() && !has_port) return failure("has text after ']'");
        if (has_port) port = after.substr(1);
    } else {
        const std::size_t colon = authority.find(':');
        has_port = colon != std::string_view::npos;
        url.host = authority.substr(0, colon);
        if (has_port) port = authority.substr(colon + 1);
        const bool good = url.host == "*" ||
                          (looks_like_ipv4(url.host) ? is_address(url.host) : is_name(url.host));
        if (url.host.empty()) return failure("has no host");
        if (!good) return failure("has no valid host name or address");
    }
    if (!has_port) return {};
    const std::optional<uint64_t> number = parse_u64(port);
    if (!number || *number > 65535) return failure("has no valid port after ':'");
    url.port = static_cast<uint16_t>(*number);
    return {};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0) return failure("is not a URL");
    const auto bad = [](char c) { return c <= ' ' || c == '\x7f' || c == '\\'; };
    if (std::any_of(text.begin(), text.end(), bad))
        return failure("has a space or control character");
    Url url;
    url.scheme = text.substr(0, colon);
    std::transform(url.scheme.begin(), url.scheme.end(), url.scheme.begin(), to_lower);
    std::string_view rest = text.substr(colon + 3);
    if (rest.find('#') != std::string_view::npos) return failure("has a fragment");
    if (rest.find('?') != std::string_view::npos) return failure("has a query");
    const std::size_t slash = rest.find('/');
    if (slash != std::string_view::npos) url.path = rest.substr(slash);
    std::string authority(rest.substr(0, slash));
    if (authority.find('@') != std::string::npos) return failure("has a user name");
    std::transform(authority.begin(), authority.end(), authority.begin(), to_lower);
    TRY_STATUS(split_authority(authority, url));
    return url;
}

std::string host_and_port(const std::string& host, uint16_t port) {
    std::string out = host.find(':') != std::string::npos ? "[" + host + "]" : host;
    out += ':';
    append_u64(out, port);
    return out;
}

}  // namespace glassgate::config
