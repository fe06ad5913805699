#include "http/path.h"

#include "base/ids.h"
#include "base/text.h"

namespace glassgate::http {
namespace {

bool unreserved(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void decode_unreserved(std::string_view raw, std::string& out) {
    for (std::size_t i = 0; i < raw.size(); ++i) {
        uint8_t byte = 0;
        if (raw[i] == '%' && i + 2 < raw.size() && read_hex(raw.substr(i + 1, 2), &byte, 1) &&
            unreserved(static_cast<char>(byte))) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += raw[i];
        }
    }
}

}  // namespace

bool normalize_path(std::string_view raw, std::string& out) {
    out.clear();
    if (raw.find('%') == std::string_view::npos && raw.find("/.") == std::string_view::npos) return true;
    std::string decoded;
    decode_unreserved(raw, decoded);
    std::string_view rest = decoded;
    while (!rest.empty()) {  // rest starts with '/'
        const std::size_t next = rest.find('/', 1);
        const std::string_view segment = rest.substr(0, next);
        const bool last = next == std::string_view::npos;
        if (segment == "/.") {
            if (last) out += '/';
        } else if (segment == "/..") {
            if (out.empty()) return false;
            out.erase(out.rfind('/'));
            if (last) out += '/';
        } else {
            out += segment;
        }
        rest = last ? std::string_view{} : rest.substr(next);
    }
    if (out.empty()) out = "/";
    if (out == raw) out.clear();
    return true;
}

}  // namespace glassgate::http
