#include "store/query/matcher.h"

#include <re2/re2.h>

#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

std::string_view operator_text(Matcher::Kind kind) noexcept {
    switch (kind) {
        case Matcher::Kind::equal:
            return "=";
        case Matcher::Kind::not_equal:
            return "!=";
        case Matcher::Kind::regex:
            return "=~";
        case Matcher::Kind::not_regex:
            return "!~";
    }
    return "";
}

std::string_view go_words(RE2::ErrorCode code) noexcept {
    switch (code) {
        case RE2::ErrorBadEscape:
            return "invalid escape sequence";
        case RE2::ErrorBadCharClass:
            return "invalid character class";
        case RE2::ErrorBadCharRange:
            return "invalid character class range";
        case RE2::ErrorMissingBracket:
            return "missing closing ]";
        case RE2::ErrorMissingParen:
            return "missing closing )";
        case RE2::ErrorUnexpectedParen:
            return "unexpected )";
        case RE2::ErrorTrailingBackslash:
            return "trailing backslash at end of expression";
        case RE2::ErrorRepeatArgument:
            return "missing argument to repetition operator";
        case RE2::ErrorRepeatSize:
            return "invalid repeat count";
        case RE2::ErrorRepeatOp:
            return "invalid nested repetition operator";
        case RE2::ErrorBadPerlOp:
            return "invalid or unsupported Perl syntax";
        case RE2::ErrorBadUTF8:
            return "invalid UTF-8";
        case RE2::ErrorBadNamedCapture:
            return "invalid named capture";
        case RE2::ErrorPatternTooLarge:
            return "expression nests too deeply";
        default:
            return "unexpected error";
    }
}

// \C, a byte: RE2 knows it, Go's regexp does not, and it would match half a character.
bool has_byte_escape(std::string_view pattern) noexcept {
    std::size_t at = 0;
    while ((at = pattern.find('\\', at)) != std::string_view::npos && at + 1 < pattern.size()) {
        if (pattern[at + 1] == 'C') return true;
        const bool literal = pattern[at + 1] == 'Q';
        at += 2;
        if (literal) at = pattern.find("\\E", at);
        if (at == std::string_view::npos) return false;
    }
    return false;
}

}  // namespace

Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern) {
    if (has_byte_escape(pattern))
        return failure("error parsing regexp: invalid escape sequence: `\\C`");
    RE2::Options options;
    options.set_log_errors(false);
    // Wrapped as Prometheus wraps it: what is accepted, and what a complaint shows, depends on it.
    const std::string wrapped = "^(?:" + std::string(pattern) + ")$";
    auto regex = std::make_shared<RE2>(wrapped, options);
    if (!regex->ok())
        return failure("error parsing regexp: " + std::string(go_words(regex->error_code())) +
                       ": `" + regex->error_arg() + "`");
    return regex;
}

Result<CompiledMatcher> CompiledMatcher::create(const Matcher& matcher) {
    CompiledMatcher made;
    made.name_ = matcher.name;
    made.kind_ = matcher.kind;
    made.value_ = matcher.value;
    if (matcher.kind == Matcher::Kind::regex || matcher.kind == Matcher::Kind::not_regex)
        made.regex_ = TRY(compile_regex(matcher.value));
    return made;
}

bool CompiledMatcher::matches(std::string_view value) const {
    switch (kind_) {
        case Matcher::Kind::equal:
            return value == value_;
        case Matcher::Kind::not_equal:
            return value != value_;
        default:
            break;
    }
    const bool match = RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
    return match == (kind_ == Matcher::Kind::regex);
}

Result<std::vector<CompiledMatcher>> compile(const std::vector<Matcher>& matchers) {
    std::vector<CompiledMatcher> made;
    made.reserve(matchers.size());
    for (const Matcher& matcher : matchers) made.push_back(TRY(CompiledMatcher::create(matcher)));
    return made;
}

bool all_match(const std::vector<CompiledMatcher>& matchers, const Labels& labels) {
    for (const CompiledMatcher& matcher : matchers)
        if (!matcher.matches(value_of(labels, matcher.name()))) return false;
    return true;
}

std::string to_text(const Matcher& matcher) {
    return matcher.name + std::string(operator_text(matcher.kind)) + quoted(matcher.value);
}

}  // namespace glassgate::store::query
