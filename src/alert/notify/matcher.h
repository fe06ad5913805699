// LabelMatcher: a condition on a label, in Alertmanager's notation: severity="critical",
// route=~"cart|checkout". A label that is not there is empty. Immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/labels.h"

namespace re2 {
class RE2;
}

namespace glassgate::alert {

class LabelMatcher {
public:
    // Error: a regular expression that is none, or a bad name.
    [[nodiscard]] static Result<LabelMatcher> create(std::string name, std::string value,
                                                     bool is_regex, bool is_equal);
    // name="value", name!="value", name=~"value", name!~"value"; the value may stand without
    // quotes.
    [[nodiscard]] static Result<LabelMatcher> parse(std::string_view text);
    // {a="b",c="d"} or one of them alone.
    [[nodiscard]] static Result<std::vector<LabelMatcher>> parse_all(std::string_view text);

    [[nodiscard]] bool matches(std::string_view value) const;
    [[nodiscard]] bool matches(const store::Labels& labels) const;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& value() const noexcept { return value_; }
    [[nodiscard]] bool is_regex() const noexcept { return is_regex_; }
    [[nodiscard]] bool is_equal() const noexcept { return is_equal_; }
    [[nodiscard]] std::string to_text() const;
    bool operator==(const LabelMatcher& other) const noexcept {
        return name_ == other.name_ && value_ == other.value_ && is_regex_ == other.is_regex_ &&
               is_equal_ == other.is_equal_;
    }

private:
    std::string name_, value_;
    bool is_regex_ = false, is_equal_ = true;
    std::shared_ptr<const re2::RE2> regex_;
};

using LabelMatchers = std::vector<LabelMatcher>;
[[nodiscard]] bool all_match(const LabelMatchers& matchers, const store::Labels& labels);

}  // namespace glassgate::alert
