// A pattern, a destination and a path, a line each: whatever form the pattern is compared in, it
// takes and captures what RE2 says; and what is sent upstream is always a path.
#include <re2/re2.h>

#include <cstdint>
#include <string>

#include "base/check.h"
#include "proxy/request_rule.h"

namespace {

// A line of the input; the last one goes to its end.
std::string_view take_line(std::string_view& rest, bool last) {
    const std::size_t end = last ? std::string_view::npos : rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
}

void check_against_re2(const glassgate::proxy::PathPattern& pattern, std::string_view path,
                       bool matched, const glassgate::proxy::Captures& captures) {
    using glassgate::proxy::Captures;
    RE2::Options options(RE2::Quiet);
    options.set_encoding(RE2::Options::EncodingLatin1);
    options.set_dot_nl(true);
    const RE2 reference(pattern.text(), options);
    const int groups = reference.NumberOfCapturingGroups();
    re2::StringPiece found[Captures::kMax + 1];
    const bool expected = reference.Match(re2::StringPiece(path.data(), path.size()), 0,
                                          path.size(), RE2::ANCHOR_BOTH, found, groups + 1);
    GW_CHECK(matched == expected && pattern.matches(path) == expected);
    if (!expected) return;
    GW_CHECK(captures.count == static_cast<std::size_t>(groups));
    for (int i = 0; i < groups; ++i) {
        const re2::StringPiece& text = found[i + 1];
        const std::string_view wanted =
            text.data() != nullptr ? std::string_view(text.data(), text.size()) : "";
        GW_CHECK(captures.texts[static_cast<std::size_t>(i)] == wanted);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    using namespace glassgate;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string text(take_line(rest, false));
    const std::string_view prefix = take_line(rest, false);
    const std::string_view path = take_line(rest, true);
    const auto pattern = proxy::PathPattern::compile(text);
    if (!pattern) return 0;
    proxy::Captures captures;
    const bool matched = pattern->match(path, captures);
    check_against_re2(*pattern, path, matched, captures);
    if (!matched) return 0;
    std::string out;
    proxy::append_destination(out, prefix, path, captures);
    GW_CHECK(out.starts_with('/'));
    return 0;
}
