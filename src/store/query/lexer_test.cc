#include "store/query/lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace glassgate::store::query {
namespace {

// Kinds and texts, up to the end or the error.
std::string tokens(std::string_view text) {
    Lexer lexer(text);
    std::string out;
    while (true) {
        const Token token = lexer.next();
        if (token.kind == TokenKind::end) return out;
        if (!out.empty()) out += ' ';
        if (token.kind == TokenKind::error)
            return out + "!" + token.message + "@" + std::to_string(token.span.begin);
        out += std::to_string(static_cast<int>(token.kind)) + ":" + std::string(token.text);
    }
}

TokenKind only(std::string_view text) {
    Lexer lexer(text);
    const TokenKind kind = lexer.next().kind;
    EXPECT_EQ(lexer.next().kind, TokenKind::end) << text;
    return kind;
}

TEST(Lexer, words) {
    EXPECT_EQ(only("up"), TokenKind::identifier);
    EXPECT_EQ(only("a:b"), TokenKind::metric_identifier);
    EXPECT_EQ(only(":a"), TokenKind::metric_identifier);
    EXPECT_EQ(only("SUM"), TokenKind::aggregator);
    EXPECT_EQ(only("Without"), TokenKind::without);
    EXPECT_EQ(only("group_left"), TokenKind::group_left);
    EXPECT_EQ(only("iNf"), TokenKind::number);
    EXPECT_EQ(only("nan"), TokenKind::number);
    EXPECT_EQ(only("atan2"), TokenKind::op);
    EXPECT_EQ(only("start"), TokenKind::start);
    EXPECT_EQ(only("sums"), TokenKind::identifier);
}

TEST(Lexer, numbers_and_durations) {
    for (const char* text : {"1", ".5", "1.", "1e3", "1E-3", "0x1F", "010", "1.5e+10"})
        EXPECT_EQ(only(text), TokenKind::number) << text;
    for (const char* text : {"5m", "1h30m", "250ms", "1y"})
        EXPECT_EQ(only(text), TokenKind::duration) << text;
    EXPECT_EQ(tokens("0deadbeef"), "!bad number or duration syntax: \"0de\"@0");
    EXPECT_EQ(tokens("1_000"), "!bad number or duration syntax: \"1\"@0");
}

TEST(Lexer, brackets_want_a_duration) {
    const std::string open = tokens("x[5m]");
    EXPECT_NE(open.find(":5m"), std::string::npos);
    EXPECT_NE(tokens("x[5]").find("!missing unit character in duration"), std::string::npos);
    EXPECT_NE(tokens("x[5mm]").find("!bad duration syntax: \"5mm\""), std::string::npos);
    EXPECT_NE(tokens("x[[").find("!missing unit character in duration"), std::string::npos);
    EXPECT_NE(tokens("x[5m").find("!unclosed left bracket"), std::string::npos);
    EXPECT_NE(tokens("x]").find("!unexpected right bracket ']'"), std::string::npos);
    EXPECT_NE(tokens("x[5m::").find("!unexpected colon ':'"), std::string::npos);
}

TEST(Lexer, inside_braces_all_words_are_names) {
    const std::string braces = tokens("{sum=\"a\",by=~'b'}");
    EXPECT_NE(braces.find("3:sum"), std::string::npos);
    EXPECT_NE(braces.find("3:by"), std::string::npos);
    EXPECT_NE(tokens("{a:").find("!unexpected character inside braces: ':'@2"), std::string::npos);
    EXPECT_NE(tokens("{a").find("!unexpected end of input inside braces@2"), std::string::npos);
}

TEST(Lexer, strings) {
    for (const char* text : {R"("a\"b")", R"('a\'b')", "`a\\`", R"("\x41\101\u00fc\U0001F600")"})
        EXPECT_EQ(only(text), TokenKind::string) << text;
    EXPECT_EQ(tokens("\"a"), "!unterminated quoted string@0");
    EXPECT_EQ(tokens("\"a\nb\""), "!unterminated quoted string@0");
    EXPECT_EQ(tokens("`a"), "!unterminated raw string@0");
    EXPECT_EQ(tokens(R"("\c")"), "!unknown escape sequence U+0063 'c'@0");
    EXPECT_EQ(tokens(R"("\x.")"), "!illegal character U+002E '.' in escape sequence@0");
    EXPECT_EQ(tokens(R"("\400")"), "!escape sequence is an invalid Unicode code point@0");
    EXPECT_EQ(tokens("\"\xff\""), "!invalid UTF-8 rune@0");
}

TEST(Lexer, comments_and_what_is_left_open) {
    EXPECT_EQ(tokens("# all"), "");
    EXPECT_EQ(only("# one\nup # two"), TokenKind::identifier);
    EXPECT_NE(tokens("(x").find("!unclosed left parenthesis@2"), std::string::npos);
    EXPECT_NE(tokens("x)").find("!unexpected right parenthesis ')'@2"), std::string::npos);
    EXPECT_EQ(tokens("$"), "!unexpected character: '$'@0");
    EXPECT_NE(tokens("1 =~ 1").find("!unexpected character after '=': '~'@2"), std::string::npos);
}

}  // namespace
}  // namespace glassgate::store::query
