#include "store/query/lexer.h"

#include <array>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "store/query/string_literal.h"
#include "store/query/utf8.h"

namespace glassgate::store::query {
namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_alpha(char c) noexcept {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_alphanumeric(char c) noexcept { return is_alpha(c) || is_digit(c); }

constexpr std::string_view kDigits = "0123456789";

constexpr std::array<std::pair<std::string_view, BinaryOp>, 4> kWordOperators = {
    {{"and", BinaryOp::and_},
     {"or", BinaryOp::or_},
     {"unless", BinaryOp::unless},
     {"atan2", BinaryOp::atan2}}};
constexpr std::array<std::pair<std::string_view, TokenKind>, 12> kKeywords = {
    {{"offset", TokenKind::offset},
     {"by", TokenKind::by},
     {"without", TokenKind::without},
     {"on", TokenKind::on},
     {"ignoring", TokenKind::ignoring},
     {"group_left", TokenKind::group_left},
     {"group_right", TokenKind::group_right},
     {"bool", TokenKind::bool_},
     {"start", TokenKind::start},
     {"end", TokenKind::end_},
     {"inf", TokenKind::number},
     {"nan", TokenKind::number}}};

std::string rune_in_error(std::string_view rest) {
    return quoted_rune(rest.empty() ? kRuneError : first_rune(rest).code);
}

// U+0063 'c'
std::string code_point(std::string_view rest) {
    const char32_t code = first_rune(rest).code;
    char buffer[24];
    std::snprintf(buffer, sizeof buffer, "U+%04X ", static_cast<unsigned>(code));
    return buffer + quoted_rune(code);
}

}  // namespace

std::string describe(const Token& token) {
    const std::string text(token.text);
    switch (token.kind) {
        case TokenKind::end:
            return "end of input";
        case TokenKind::error:
            return token.message;
        case TokenKind::comment:
            return "comment " + quoted(text);
        case TokenKind::identifier:
            return "identifier " + quoted(text);
        case TokenKind::metric_identifier:
            return "metric identifier " + quoted(text);
        case TokenKind::op:
            return "<op:" + text + ">";
        case TokenKind::aggregator:
            return "<aggr:" + text + ">";
        case TokenKind::offset:
        case TokenKind::by:
        case TokenKind::without:
        case TokenKind::on:
        case TokenKind::ignoring:
        case TokenKind::group_left:
        case TokenKind::group_right:
        case TokenKind::bool_:
            return "<" + text + ">";
        case TokenKind::equal_regex:
        case TokenKind::not_equal_regex:
        case TokenKind::at:
            return "<op:" + text + ">";
        default:
            break;
    }
    const std::string shown = text.size() > 10 ? quoted(text.substr(0, 10)) + "..." : quoted(text);
    switch (token.kind) {
        case TokenKind::number:
            return "number " + shown;
        case TokenKind::duration:
            return "duration " + shown;
        case TokenKind::string:
            return "string " + shown;
        default:
            return shown;
    }
}

bool Lexer::accept(std::string_view set) noexcept {
    if (at_end() || set.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
}

void Lexer::accept_run(std::string_view set) noexcept {
    while (accept(set)) {
    }
}

void Lexer::skip_spaces() noexcept {
    while (!at_end() && is_space(text_[at_])) ++at_;
    begin_ = at_;
}

Token Lexer::token(TokenKind kind) const {
    Token made;
    made.kind = kind;
    made.span = {static_cast<uint32_t>(begin_), static_cast<uint32_t>(at_)};
    made.text = pending();
    return made;
}

Token Lexer::error(std::string message) {
    Token made = token(TokenKind::error);
    made.span.end = static_cast<uint32_t>(text_.size());
    made.message = std::move(message);
    ended_ = true;
    return made;
}

Token Lexer::next() {
    while (true) {
        begin_ = at_;
        Token scanned = ended_ ? token(TokenKind::end) : scan();
        if (scanned.kind != TokenKind::comment) return scanned;
    }
}

Token Lexer::scan() {
    if (std::exchange(duration_due_, false)) {
        skip_spaces();
        return duration();
    }
    skip_spaces();
    if (peek() == '#') {
        while (!at_end() && peek() != '\n' && peek() != '\r') ++at_;
        return token(TokenKind::comment);
    }
    return brace_open_ ? inside_braces() : statement();
}

Token Lexer::statement() {
    if (at_end()) {
        if (paren_depth_ != 0) return error("unclosed left parenthesis");
        if (bracket_open_) return error("unclosed left bracket");
        ended_ = true;
        return token(TokenKind::end);
    }
    const char c = text_[at_];
    const bool dot_digit = c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]);
    if (is_digit(c) || dot_digit) return number_or_duration();
    if ((is_alpha(c) || c == ':') && !bracket_open_) return word();
    if (c == '"' || c == '\'') return quoted_string(c);
    if (c == '`') return raw_string();
    const Rune rune = first_rune(text_.substr(at_));
    if (is_alpha(c) || c == ':') {
        ++at_;
        if (colon_seen_) return error("unexpected colon " + quoted_rune(rune.code));
        colon_seen_ = true;
        return token(TokenKind::colon);
    }
    switch (c) {
        case ',':
            ++at_;
            return token(TokenKind::comma);
        case '@':
            ++at_;
            return token(TokenKind::at);
        case '(':
        case ')':
        case '{':
        case '[':
        case ']':
            ++at_;
            return bracket_or_paren(c);
        case '*':
        case '/':
        case '%':
        case '+':
        case '-':
        case '^':
        case '=':
        case '!':
        case '<':
        case '>':
            ++at_;
            return operator_token(c);
        default:
            at_ += rune.bytes;
            return error("unexpected character: " + quoted_rune(rune.code));
    }
}

Token Lexer::bracket_or_paren(char c) {
    switch (c) {
        case '(':
            ++paren_depth_;
            return token(TokenKind::left_paren);
        case ')':
            if (--paren_depth_ < 0) {
                begin_ = at_;
                return error("unexpected right parenthesis ')'");
            }
            return token(TokenKind::right_paren);
        case '{':
            brace_open_ = true;
            return token(TokenKind::left_brace);
        case '[':
            if (bracket_open_) return error("unexpected left bracket '['");
            bracket_open_ = true;
            colon_seen_ = false;
            duration_due_ = true;
            return token(TokenKind::left_bracket);
        default:
            if (!bracket_open_) return error("unexpected right bracket ']'");
            bracket_open_ = false;
            return token(TokenKind::right_bracket);
    }
}

Token Lexer::operator_token(char c) {
    const auto op = [&](BinaryOp which) {
        Token made = token(TokenKind::op);
        made.op = which;
        return made;
    };
    switch (c) {
        case '*':
            return op(BinaryOp::mul);
        case '/':
            return op(BinaryOp::div);
        case '%':
            return op(BinaryOp::mod);
        case '+':
            return op(BinaryOp::add);
        case '-':
            return op(BinaryOp::sub);
        case '^':
            return op(BinaryOp::pow);
        case '<':
            return accept("=") ? op(BinaryOp::less_equal) : op(BinaryOp::less);
        case '>':
            return accept("=") ? op(BinaryOp::greater_equal) : op(BinaryOp::greater);
        case '!':
            if (accept("=")) return op(BinaryOp::not_equal);
            return error("unexpected character after '!': " + rune_in_error(text_.substr(at_)));
        default:
            break;
    }
    if (accept("=")) return op(BinaryOp::equal);
    if (peek() == '~') return error("unexpected character after '=': '~'");
    return token(TokenKind::equal);
}

Token Lexer::inside_braces() {
    if (at_end()) return error("unexpected end of input inside braces");
    const char c = text_[at_];
    if (is_alpha(c)) return label_name();
    if (c == '"' || c == '\'') return quoted_string(c);
    if (c == '`') return raw_string();
    const Rune rune = first_rune(text_.substr(at_));
    at_ += rune.bytes;
    switch (c) {
        case ',':
            return token(TokenKind::comma);
        case '=':
            return accept("~") ? token(TokenKind::equal_regex) : token(TokenKind::equal);
        case '!':
            if (accept("~")) return token(TokenKind::not_equal_regex);
            if (accept("=")) {
                Token made = token(TokenKind::op);
                made.op = BinaryOp::not_equal;
                return made;
            }
            return error("unexpected character after '!' inside braces: " +
                         rune_in_error(text_.substr(at_)));
        case '{':
            return error("unexpected left brace '{'");
        case '}':
            brace_open_ = false;
            return token(TokenKind::right_brace);
        default:
            return error("unexpected character inside braces: " + quoted_rune(rune.code));
    }
}

Token Lexer::label_name() {
    while (!at_end() && is_alphanumeric(text_[at_])) ++at_;
    return token(TokenKind::identifier);
}

Token Lexer::word() {
    while (!at_end() && (is_alphanumeric(text_[at_]) || text_[at_] == ':')) ++at_;
    const std::string_view text = pending();
    for (const auto& [name, op] : kWordOperators) {
        if (!iequals(name, text)) continue;
        Token made = token(TokenKind::op);
        made.op = op;
        return made;
    }
    for (const auto& [name, kind] : kKeywords)
        if (iequals(name, text)) return token(kind);
    for (int i = 0; i <= static_cast<int>(Aggregator::quantile); ++i) {
        if (!iequals(text_of(static_cast<Aggregator>(i)), text)) continue;
        Token made = token(TokenKind::aggregator);
        made.aggregator = static_cast<Aggregator>(i);
        return made;
    }
    return token(text.find(':') == std::string_view::npos ? TokenKind::identifier
                                                          : TokenKind::metric_identifier);
}

// False when a letter follows: then it may be a duration. What was read need not be a number yet.
bool Lexer::scan_number() {
    std::string_view digits = kDigits;
    if (accept("0") && accept("xX")) digits = "0123456789abcdefABCDEF";
    accept_run(digits);
    if (accept(".")) accept_run(digits);
    if (accept("eE")) {
        accept("+-");
        accept_run(kDigits);
    }
    return !is_alphanumeric(peek());
}

bool Lexer::scan_rest_of_duration() {
    if (!accept("smhdwy")) return false;
    accept("s");  // ms; what is no unit is found when the duration is read
    while (accept(kDigits)) {
        accept_run(kDigits);
        if (!accept("smhdw")) return false;
        accept("s");
    }
    if (!is_alphanumeric(peek())) return true;
    ++at_;
    return false;
}

Token Lexer::duration() {
    if (scan_number()) return error("missing unit character in duration");
    if (!scan_rest_of_duration()) return error("bad duration syntax: " + quoted(pending()));
    return token(TokenKind::duration);
}

Token Lexer::number_or_duration() {
    if (scan_number()) return token(TokenKind::number);
    if (scan_rest_of_duration()) return token(TokenKind::duration);
    return error("bad number or duration syntax: " + quoted(pending()));
}

Token Lexer::quoted_string(char quote) {
    ++at_;
    while (!at_end()) {
        const Rune rune = first_rune(text_.substr(at_));
        if (rune.code == kRuneError) {
            at_ += rune.bytes;
            return error("invalid UTF-8 rune");
        }
        at_ += rune.bytes;
        if (rune.code == '\n') break;
        if (rune.code == static_cast<char32_t>(quote)) return token(TokenKind::string);
        if (rune.code == '\\')
            if (std::string wrong = escape_error(quote); !wrong.empty())
                return error(std::move(wrong));
    }
    return error("unterminated quoted string");
}

// Empty when the escape behind the backslash is one; it is then behind us.
std::string Lexer::escape_error(char quote) {
    if (at_end()) return "escape sequence not terminated";
    const char c = text_[at_];
    if (c == quote || std::string_view("abfnrtv\\").find(c) != std::string_view::npos) {
        ++at_;
        return {};
    }
    if ((c >= '0' && c <= '7') || c == 'x' || c == 'u' || c == 'U') return coded_escape_error(c);
    return "unknown escape sequence " + code_point(text_.substr(at_));
}

std::string Lexer::coded_escape_error(char kind) {
    const bool octal = is_digit(kind);
    const int count = octal ? 3 : kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
    const std::string_view digits = octal ? "01234567" : "0123456789abcdefABCDEF";
    if (!octal) ++at_;
    uint32_t code = 0;
    for (int i = 0; i < count; ++i) {
        if (at_end()) return "escape sequence not terminated";
        const char c = text_[at_];
        if (digits.find(c) == std::string_view::npos)
            return "illegal character " + code_point(text_.substr(at_)) + " in escape sequence";
        const int digit = is_digit(c) ? c - '0' : to_lower(c) - 'a' + 10;
        code = code * (octal ? 8 : 16) + static_cast<uint32_t>(digit);
        ++at_;
    }
    const uint32_t most = octal || kind == 'x' ? 255 : 0x10FFFF;
    if (code > most || (code >= 0xD800 && code < 0xE000))
        return "escape sequence is an invalid Unicode code point";
    return {};
}

Token Lexer::raw_string() {
    ++at_;
    while (!at_end()) {
        const Rune rune = first_rune(text_.substr(at_));
        at_ += rune.bytes;
        if (rune.code == kRuneError) return error("invalid UTF-8 rune");
        if (rune.code == '`') return token(TokenKind::string);
    }
    return error("unterminated raw string");
}

}  // namespace glassgate::store::query
