// MatcherSet: the matchers of a selector, ready to be asked. Immutable, any thread.
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

namespace glassgate::store {

class CompiledMatcher {
public:
    // Error: the expression is none (RE2's own words).
    [[nodiscard]] static Result<CompiledMatcher> compile(const Matcher& matcher);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] bool matches(std::string_view value) const;
    // A series without the label matches as one where it is empty.
    [[nodiscard]] bool matches_missing() const noexcept { return matches_missing_; }
    // The one value it asks for, if it is of that kind and the value is not empty.
    [[nodiscard]] const std::string* only_value() const noexcept {
        return kind_ == Matcher::Kind::equal && !value_.empty() ? &value_ : nullptr;
    }

private:
    std::string name_, value_;
    Matcher::Kind kind_ = Matcher::Kind::equal;
    std::shared_ptr<const re2::RE2> regex_;
    bool matches_missing_ = false;
};

using MatcherSet = std::vector<CompiledMatcher>;
[[nodiscard]] Result<MatcherSet> compile_matchers(const std::vector<Matcher>& matchers);
[[nodiscard]] bool matches(const MatcherSet& set, const Labels& labels);

}  // namespace glassgate::store
