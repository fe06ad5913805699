// PathPattern: a regular expression (RE2 syntax) that takes a whole text: a path, a header's value,
// a method. Linear time whatever the text, and a copy is cheap: what is compiled is shared.
//
// A dot matches every byte, and text is bytes, not UTF-8: a pattern that says "anything" must not
// be got around by a byte that is no character.
//
// The forms most configurations consist of ("/a/b", "(/.*)", "/a(/.*)?", ".*") are compared
// directly: no state machine, no allocation. Others run in RE2, which may allocate to find the
// captures of a pattern that has to look ahead (not one-pass).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace glassgate::proxy {

struct Captures {
    static constexpr std::size_t kMax = 15;
    std::array<std::string_view, kMax> texts;  // of groups that took part; else empty
    std::size_t count = 0;                     // groups of the pattern
};

class PathPattern {
public:
    enum class Case : uint8_t { sensitive, insensitive };

    // The Error says what is wrong with the pattern, as RE2 puts it.
    [[nodiscard]] static Result<PathPattern> compile(const std::string& pattern,
                                                     Case letters = Case::sensitive);
    PathPattern() = default;  // takes everything

    [[nodiscard]] bool matches(std::string_view text) const noexcept;
    [[nodiscard]] bool match(std::string_view text, Captures& captures) const noexcept;

    [[nodiscard]] bool takes_everything() const noexcept;
    [[nodiscard]] std::size_t groups() const noexcept { return groups_; }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    // Whether it is compared directly.
    [[nodiscard]] bool direct() const noexcept { return form_.known; }

private:
    // "before", "before after.*" or, where the group is optional, "before" as well: one group or
    // none, at the end.
    struct Form {
        bool known = false;
        bool open_end = false;  // ".*" at the end
        bool optional = false;  // what follows `before` may be missing
        bool captures = false;  // what follows `before`
        std::string before, after;
    };
    friend class FormReader;
    [[nodiscard]] static Form form_of(std::string_view pattern);
    [[nodiscard]] bool match_form(std::string_view text) const noexcept;

    std::string text_ = ".*";
    std::size_t groups_ = 0;
    Form form_{true, true, false, false, {}, {}};
    std::shared_ptr<const re2::RE2> regex_;  // where the form is not known
};

}  // namespace glassgate::proxy
