#include "store/matcher_set.h"

#include <re2/re2.h>

#include <algorithm>

namespace glassgate::store {
namespace {

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Result<CompiledMatcher> CompiledMatcher::compile(const Matcher& matcher) {
    CompiledMatcher compiled;
    compiled.name_ = matcher.name;
    compiled.value_ = matcher.value;
    compiled.kind_ = matcher.kind;
    if (matcher.kind == Matcher::Kind::regex || matcher.kind == Matcher::Kind::not_regex) {
        re2::RE2::Options options;
        options.set_log_errors(false);
        auto regex = std::make_shared<const re2::RE2>(piece(matcher.value), options);
        if (!regex->ok())
            return failure("the regular expression \"" + matcher.value + "\" of the label \"" +
                           matcher.name + "\" is not valid: " + regex->error());
        compiled.regex_ = std::move(regex);
    }
    compiled.matches_missing_ = compiled.matches({});
    return compiled;
}

bool CompiledMatcher::matches(std::string_view value) const {
    switch (kind_) {
        case Matcher::Kind::equal:
            return value == value_;
        case Matcher::Kind::not_equal:
            return value != value_;
        case Matcher::Kind::regex:
            return re2::RE2::FullMatch(piece(value), *regex_);
        case Matcher::Kind::not_regex:
            return !re2::RE2::FullMatch(piece(value), *regex_);
    }
    return false;
}

Result<MatcherSet> compile_matchers(const std::vector<Matcher>& matchers) {
    MatcherSet set;
    set.reserve(matchers.size());
    for (const Matcher& matcher : matchers) set.push_back(TRY(CompiledMatcher::compile(matcher)));
    return set;
}

bool matches(const MatcherSet& set, const Labels& labels) {
    return std::all_of(set.begin(), set.end(), [&](const CompiledMatcher& matcher) {
        return matcher.matches(value_of(labels, matcher.name()));
    });
}

}  // namespace glassgate::store
