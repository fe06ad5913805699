#include "alert/notify/matcher.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "base/document.h"
#include "store/query/label_sets.h"
#include "store/query/string_literal.h"

namespace glassgate::alert {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\n'))
        text.remove_suffix(1);
    return text;
}

constexpr std::string_view operator_text(bool is_regex, bool is_equal) {
    if (is_regex) return is_equal ? "=~" : "!~";
    return is_equal ? "=" : "!=";
}

// The end of the matcher that begins here: a comma outside of quotes, or the end.
std::size_t end_of_matcher(std::string_view text) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quoted && text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (text[i] == ',' && !quoted)
            return i;
    }
    return text.size();
}

}  // namespace

Result<LabelMatcher> LabelMatcher::create(std::string name, std::string value, bool is_regex,
                                          bool is_equal) {
    if (!store::query::valid_label_name(name)) return failure("invalid label name " + quote(name));
    LabelMatcher matcher;
    matcher.name_ = std::move(name);
    matcher.value_ = std::move(value);
    matcher.is_regex_ = is_regex;
    matcher.is_equal_ = is_equal;
    if (is_regex) {
        RE2::Options options;
        options.set_log_errors(false);
        options.set_max_mem(1 << 20);
        auto regex = std::make_shared<const RE2>("^(?:" + matcher.value_ + ")$", options);
        if (!regex->ok())
            return failure("bad regular expression " + quote(matcher.value_) + ": " +
                           regex->error());
        matcher.regex_ = std::move(regex);
    }
    return matcher;
}

Result<LabelMatcher> LabelMatcher::parse(std::string_view text) {
    const auto wrong = [&] {
        return failure("bad matcher format: " + quote(text) + ", expected name=\"value\"");
    };
    const std::size_t at = text.find_first_of("=!");
    if (at == std::string_view::npos) return wrong();
    const std::string_view name = trimmed(text.substr(0, at));
    std::string_view rest = text.substr(at);
    for (const auto& [is_regex, is_equal] :
         {std::pair(true, true), {true, false}, {false, false}, {false, true}}) {
        const std::string_view op = operator_text(is_regex, is_equal);
        if (!rest.starts_with(op)) continue;
        const std::string_view written = trimmed(rest.substr(op.size()));
        std::string value(written);
        if (written.starts_with('"')) {
            auto unquoted = store::query::unquote(written);
            if (!unquoted) return wrong();
            value = std::move(*unquoted);
        }
        return create(std::string(name), std::move(value), is_regex, is_equal);
    }
    return wrong();
}

Result<LabelMatchers> LabelMatcher::parse_all(std::string_view text) {
    LabelMatchers out;
    text = trimmed(text);
    if (text.starts_with('{')) {
        text.remove_prefix(1);
        if (!text.ends_with('}')) return failure("bad matcher format: a brace is not closed");
        text.remove_suffix(1);
    }
    while (!trimmed(text).empty()) {
        const std::size_t end = end_of_matcher(text);
        out.push_back(TRY(parse(text.substr(0, end))));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

bool LabelMatcher::matches(std::string_view value) const {
    const bool fits = is_regex_
                          ? RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_)
                          : value == value_;
    return fits == is_equal_;
}

bool LabelMatcher::matches(const store::Labels& labels) const {
    return matches(store::value_of(labels, name_));
}

std::string LabelMatcher::to_text() const {
    return name_ + std::string(operator_text(is_regex_, is_equal_)) + store::query::quoted(value_);
}

bool all_match(const LabelMatchers& matchers, const store::Labels& labels) {
    return std::all_of(matchers.begin(), matchers.end(),
                       [&](const LabelMatcher& m) { return m.matches(labels); });
}

}  // namespace glassgate::alert
