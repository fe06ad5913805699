// Matchers ready to use: a regular expression is compiled once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/series.h"

namespace re2 {
class RE2;
}

namespace glassgate::store::query {

class CompiledMatcher {
public:
    // Error: the regular expression is none, in the words of Go's regexp package.
    [[nodiscard]] static Result<CompiledMatcher> create(const Matcher& matcher);

    // A missing label is the empty value.
    [[nodiscard]] bool matches(std::string_view value) const;
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
    Matcher::Kind kind_ = Matcher::Kind::equal;
    std::string value_;
    std::shared_ptr<const re2::RE2> regex_;
};

[[nodiscard]] Result<std::vector<CompiledMatcher>> compile(const std::vector<Matcher>& matchers);
[[nodiscard]] bool all_match(const std::vector<CompiledMatcher>& matchers, const Labels& labels);

// As it is written in a selector: name=~"value".
[[nodiscard]] std::string to_text(const Matcher& matcher);

// An expression that must match from one end to the other.
[[nodiscard]] Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern);

}  // namespace glassgate::store::query
