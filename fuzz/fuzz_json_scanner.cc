// JSON bodies from strangers, in pieces: the same verdict as a whole parser's.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "policy/json_scanner.h"

using glassgate::policy::JsonLimits;
using glassgate::policy::JsonScanner;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t piece = data[0] % 16 + 1u;
    JsonScanner free{JsonLimits{}};
    JsonScanner bound{JsonLimits{4, 3, 8, 5, 16}};
    for (std::size_t at = 0; at < text.size(); at += piece) {
        (void)free.feed(text.substr(at, piece));
        (void)bound.feed(text.substr(at, piece));
    }
    const bool good = free.finish() == JsonScanner::Fault::none;
    // What is within limits is JSON. (Malformed UTF-8 is the parser's to refuse, not ours; a byte
    // order mark is ours to refuse.)
    if (bound.finish() == JsonScanner::Fault::none && !good) std::abort();
    if (nlohmann::json::accept(text) && text.find('\0') == text.npos &&
        !text.starts_with("\xef\xbb\xbf") && !good)
        std::abort();
    return 0;
}
