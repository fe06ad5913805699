// Paths: normalising twice is normalising once, and what comes out has no dot segments left,
// neither plain nor behind an escaped separator.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/path.h"

namespace {

using namespace glassgate::http;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

// As the laxest server would read it: escaped separators are separators, parameters are cut off.
bool has_dots(std::string path) {
    for (const std::string_view escaped : {"%2F", "%5C"})
        for (std::size_t at = path.find(escaped); at != std::string::npos;
             at = path.find(escaped, at))
            path.replace(at, 3, "/");
    for (std::size_t at = 0; at != std::string::npos; at = path.find('/', at + 1)) {
        std::string segment = path.substr(at + 1, path.find('/', at + 1) - at - 1);
        segment = segment.substr(0, segment.find(';'));
        if (segment == "." || segment == "..") return true;
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string raw = "/" + std::string(reinterpret_cast<const char*>(data), size);
    std::string once, twice;
    if (!normalize_path(raw, once)) return 0;
    expect(valid_escapes(raw), "broken escapes are refused");
    const std::string normal = once.empty() ? raw : once;
    expect(normal.starts_with('/') && normal.size() <= raw.size(), "a path, not longer");
    expect(!has_dots(normal), "no dot segments, however disguised");
    expect(normalize_path(normal, twice) && twice.empty(), "twice is once");
    return 0;
}
