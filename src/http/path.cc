#include "http/path.h"

#include <algorithm>
#include <cstdint>

#include "base/ids.h"

namespace glassgate::http {
namespace {

bool unreserved(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

char upper_hex(char c) noexcept { return c >= 'a' ? static_cast<char>(c - 0x20) : c; }

// The byte an escape at `at` stands for; -1 when it is not one.
int escaped_byte(std::string_view path, std::size_t at) noexcept {
    uint8_t byte = 0;
    if (at + 2 >= path.size() || !read_hex(path.substr(at + 1, 2), &byte, 1)) return -1;
    return byte;
}

// Whether the escapes are as normalising would leave them.
bool escapes_are_normal(std::string_view path) noexcept {
    for (std::size_t at = path.find('%'); at != std::string_view::npos;
         at = path.find('%', at + 3)) {
        const int byte = escaped_byte(path, at);
        if (byte < 0 || unreserved(static_cast<char>(byte))) return false;
        if (path[at + 1] >= 'a' || path[at + 2] >= 'a') return false;
    }
    return true;
}

void append_with_normal_escapes(std::string_view raw, std::string& out) {
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '%') {
            out += raw[i];
            continue;
        }
        const int byte = escaped_byte(raw, i);
        if (unreserved(static_cast<char>(byte))) {
            out += static_cast<char>(byte);
        } else {
            out += '%';
            out += upper_hex(raw[i + 1]);
            out += upper_hex(raw[i + 2]);
        }
        i += 2;
    }
}

// "/." that may begin a dot segment, plain or disguised; not "/.well-known".
bool may_have_dots(std::string_view path) noexcept {
    for (std::size_t at = path.find("/."); at != std::string_view::npos;
         at = path.find("/.", at + 2)) {
        std::string_view after = path.substr(at + 2);
        if (after.starts_with('.')) after.remove_prefix(1);
        if (after.empty() || after[0] == '/' || after[0] == ';' || after[0] == '%') return true;
    }
    return path.find("%2F.") != std::string_view::npos ||
           path.find("%5C.") != std::string_view::npos;
}

bool is_dots(std::string_view text) noexcept { return text == "." || text == ".."; }

// A segment in which some server would see a dot segment that others do not. Escapes are normal.
bool hides_dots(std::string_view segment) noexcept {
    while (true) {
        const std::size_t slash = segment.find("%2F");
        const std::size_t back = segment.find("%5C");
        const std::size_t cut = slash < back ? slash : back;
        const std::string_view piece = segment.substr(0, cut);
        const std::size_t parameters = piece.find(';');
        if (parameters != std::string_view::npos && is_dots(piece.substr(0, parameters)))
            return true;
        if (cut == std::string_view::npos) return false;
        if (is_dots(piece) || is_dots(segment.substr(cut + 3))) return true;
        segment.remove_prefix(cut + 3);
    }
}

// RFC 3986 §5.2.4 in place: what is kept is moved to the front. False: above the root, or
// ambiguous.
bool remove_dot_segments(std::string& path) {
    std::size_t kept = 0;
    std::size_t at = 0;
    while (at < path.size()) {  // at a '/'
        const std::size_t next = path.find('/', at + 1);
        const bool last = next == std::string::npos;
        const std::size_t end = last ? path.size() : next;
        const std::string_view segment(path.data() + at + 1, end - at - 1);
        const bool dots = is_dots(segment);
        if (segment == "..") {
            if (kept == 0) return false;
            kept = path.rfind('/', kept - 1);
        } else if (!dots) {
            if (hides_dots(segment)) return false;
            std::copy(path.data() + at, path.data() + end, path.data() + kept);
            kept += end - at;
        }
        if (last && dots) path[kept++] = '/';
        at = end;
    }
    path.resize(kept);
    return true;
}

}  // namespace

bool valid_escapes(std::string_view path) noexcept {
    for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 3))
        if (escaped_byte(path, at) <= 0) return false;
    return true;
}

bool normalize_path(std::string_view raw, std::string& out) {
    out.clear();
    if (!valid_escapes(raw)) return false;
    if (escapes_are_normal(raw) && !may_have_dots(raw)) return true;
    if (raw[0] != '/') return false;
    append_with_normal_escapes(raw, out);
    if (!remove_dot_segments(out)) return false;
    if (out == raw) out.clear();
    return true;
}

}  // namespace glassgate::http
