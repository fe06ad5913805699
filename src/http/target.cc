#include "http/target.h"

#include <arpa/inet.h>

#include <cstring>

#include "base/text.h"
#include "http/chars.h"
#include "http/h1_fields.h"
#include "http/path.h"

namespace glassgate::http {
namespace {

bool valid_port(std::string_view port) noexcept {
    if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos)
        return false;
    return port.empty() || *parse_u64(port) <= 65535;
}

bool valid_ipv6(std::string_view address) noexcept {
    char text[INET6_ADDRSTRLEN];
    if (address.size() >= sizeof text) return false;
    std::memcpy(text, address.data(), address.size());
    text[address.size()] = '\0';
    in6_addr ignored;
    return inet_pton(AF_INET6, text, &ignored) == 1;
}

// The path must be one that every party reads alike: escapes are whole and none is a NUL, and a
// backslash (which some servers take for a slash) is escaped.
bool valid_path(std::string_view path) noexcept {
    return path.find('\\') == std::string_view::npos && valid_escapes(path);
}

ParseError parse_authority_form(std::string_view line, RequestFacts& out) noexcept {
    out.authority = out.target;
    // The empty path as a view into the line: the "/" of "HTTP/1.1".
    out.path = line.substr(line.rfind('/'), 1);
    const std::size_t colon = out.target.rfind(':');
    const bool has_port = colon != std::string_view::npos && colon + 1 < out.target.size() &&
                          out.target.find(']', colon) == std::string_view::npos;
    return has_port && valid_authority(out.target, false) ? ParseError::none
                                                          : ParseError::bad_target;
}

}  // namespace

bool valid_authority(std::string_view host, bool may_be_empty) noexcept {
    if (host.empty()) return may_be_empty;
    if (host.size() > 255 + 6) return false;
    if (host[0] == '[') {
        const std::size_t close = host.find(']');
        if (close == std::string_view::npos || !valid_ipv6(host.substr(1, close - 1))) return false;
        const std::string_view after = host.substr(close + 1);
        return after.empty() || (after[0] == ':' && valid_port(after.substr(1)));
    }
    if (!all(host, kHost)) return false;
    const std::size_t colon = host.find(':');
    if (colon == 0) return false;
    return colon == std::string_view::npos || valid_port(host.substr(colon + 1));
}

ParseError parse_target(std::string_view line, RequestFacts& out) noexcept {
    std::string_view target = out.target;
    if (target.empty()) return ParseError::bad_target;
    if (!all(target, kTarget)) return bad_byte(target, ParseError::bad_target);
    if (out.method == Method::connect) return parse_authority_form(line, out);
    if (target == "*") {
        out.path = target;
        return out.method == Method::options ? ParseError::none : ParseError::bad_target;
    }
    std::string_view root;  // a "/" within the line, for an absolute form without a path
    if (target[0] != '/') {
        const std::size_t scheme = target.find("://");
        if (scheme == std::string_view::npos) return ParseError::bad_target;
        const std::string_view name = target.substr(0, scheme);
        if (!iequals(name, "http") && !iequals(name, "https")) return ParseError::bad_target;
        out.absolute_form = true;
        root = target.substr(scheme + 2, 1);
        target.remove_prefix(scheme + 3);
        const std::size_t end = target.find_first_of("/?");
        out.authority = target.substr(0, end);
        if (!valid_authority(out.authority, false)) return ParseError::bad_target;
        target = end == std::string_view::npos ? std::string_view{} : target.substr(end);
    }
    const std::size_t question = target.find('?');
    out.path = target.substr(0, question);
    if (out.path.empty()) out.path = root;
    out.has_query = question != std::string_view::npos;
    if (out.has_query) out.query = target.substr(question + 1);
    return valid_path(out.path) ? ParseError::none : ParseError::bad_target;
}

}  // namespace glassgate::http
