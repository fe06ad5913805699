#include "store/query/parser.h"

#include <gtest/gtest.h>

#include <string>

namespace glassgate::store::query {
namespace {

std::string canonical(std::string_view text) {
    const auto parsed = parse(text);
    return parsed ? to_text(**parsed) : parsed.error().to_text(text);
}

// With parentheses around each operation, to see what binds to what.
std::string grouped(const Expr& expr) {
    if (const auto* binary = std::get_if<Binary>(&expr.node))
        return "(" + grouped(*binary->left) + std::string(text_of(binary->op)) +
               grouped(*binary->right) + ")";
    if (const auto* unary = std::get_if<Unary>(&expr.node))
        return std::string("(") + (unary->minus ? "-" : "+") + grouped(*unary->expr) + ")";
    return to_text(expr);
}

std::string grouped(std::string_view text) {
    const auto parsed = parse(text);
    return parsed ? grouped(**parsed) : parsed.error().to_text(text);
}

TEST(Parser, precedence_and_associativity) {
    EXPECT_EQ(grouped("a + b * c"), "(a+(b*c))");
    EXPECT_EQ(grouped("a - b - c"), "((a-b)-c)");
    EXPECT_EQ(grouped("a ^ b ^ c"), "(a^(b^c))");
    EXPECT_EQ(grouped("-a ^ b"), "(-(a^b))");
    EXPECT_EQ(grouped("-a * b"), "((-a)*b)");
    EXPECT_EQ(grouped("a ^ -b ^ c"), "(a^(-(b^c)))");
    EXPECT_EQ(grouped("a ^ -b * c"), "((a^(-b))*c)");
    EXPECT_EQ(grouped("a atan2 b % c"), "((aatan2b)%c)");
    EXPECT_EQ(grouped("a or b and c unless d"), "(aor((bandc)unlessd))");
    EXPECT_EQ(grouped("a == b < c + d"), "((a==b)<(c+d))");
    EXPECT_EQ(grouped("-1"), "-1");
    EXPECT_EQ(grouped("--1"), "1");
}

TEST(Parser, canonical_text) {
    EXPECT_EQ(canonical("SUM  by(a ,b,)( x{c='d',a=~\"e\"} )"),
              "sum by (a, b) (x{a=~\"e\",c=\"d\"})");
    EXPECT_EQ(canonical("sum(x) without (a)"), "sum without (a) (x)");
    EXPECT_EQ(canonical("topk(3,x)"), "topk(3, x)");
    EXPECT_EQ(canonical("x [ 90s ] offset -1h"), "x[1m30s] offset -1h");
    EXPECT_EQ(canonical("x offset 1w @ 1.5"), "x @ 1.500 offset 1w");
    EXPECT_EQ(canonical("rate(x[5m])[1h:] @ end()"), "rate(x[5m])[1h:] @ end()");
    EXPECT_EQ(canonical("a==bool on(b)group_left(c) d"), "a == bool on (b) group_left (c) d");
    EXPECT_EQ(canonical("a / ignoring() b"), "a / b");
    EXPECT_EQ(canonical("{__name__=\"a b\"}"), "{__name__=\"a b\"}");
    EXPECT_EQ(canonical("1e6 + 0x10 + 010 + .5"), "1e+06 + 16 + 8 + 0.5");
    EXPECT_EQ(canonical("label_join(x, 'a', `\\`)"), "label_join(x, \"a\", \"\\\\\")");
    EXPECT_EQ(canonical("offset offset 5m + by"), "offset offset 5m + by");
    EXPECT_EQ(canonical("x @ start()"), "x @ start()");
}

struct Complaint {
    const char* expression;
    const char* message;
};

class ParserComplaints : public testing::TestWithParam<Complaint> {};

TEST_P(ParserComplaints, as_prometheus_words_them) {
    EXPECT_EQ(canonical(GetParam().expression), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, ParserComplaints,
    testing::Values(
        Complaint{"", "1:1: parse error: no expression found in input"},
        Complaint{"1 +", "1:4: parse error: unexpected end of input"},
        Complaint{"*1", "1:1: parse error: unexpected <op:*>"},
        Complaint{"foo bar", "1:5: parse error: unexpected identifier \"bar\""},
        Complaint{"a\n+ b c", "2:5: parse error: unexpected identifier \"c\""},
        Complaint{"sum(a b)", "1:7: parse error: unexpected identifier \"b\" in aggregation"},
        Complaint{"sum(a) b", "1:8: parse error: unexpected identifier \"b\""},
        Complaint{"sum by a (x)",
                  "1:8: parse error: unexpected identifier \"a\" in grouping opts, expected \"(\""},
        Complaint{"sum by (,) (x)",
                  "1:9: parse error: unexpected \",\" in grouping opts, expected label"},
        Complaint{
            "x{a=b}",
            "1:5: parse error: unexpected identifier \"b\" in label matching, expected string"},
        Complaint{"x{,}",
                  "1:3: parse error: unexpected \",\" in label matching, expected "
                  "identifier or \"}\""},
        Complaint{"x offset",
                  "1:9: parse error: unexpected end of input in offset, expected "
                  "duration"},
        Complaint{"x @ y",
                  "1:5: parse error: unexpected identifier \"y\" in @, expected timestamp"},
        Complaint{"x[5m:1m", "1:8: parse error: unclosed left bracket"},
        Complaint{"x[0s]", "1:3: parse error: duration must be greater than 0"},
        Complaint{"x[1h1y]", "1:3: parse error: bad duration syntax: \"1h1\""},
        Complaint{"(x)[5m]", "1:4: parse error: ranges only allowed for vector selectors"},
        Complaint{"x offset 1m[5m]", "1:12: parse error: no offset modifiers allowed before range"},
        Complaint{"x offset 1m offset 2m",
                  "1:1: parse error: offset may not be set multiple times"},
        Complaint{"x @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"},
        Complaint{"x @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
        Complaint{"abs(x,)", "1:6: parse error: trailing commas not allowed in function call args"},
        Complaint{"nothing(x)", "1:1: parse error: unknown function with name \"nothing\""},
        Complaint{"histogram_avg(x)",
                  "1:1: parse error: unknown function with name \"histogram_avg\""}));

INSTANTIATE_TEST_SUITE_P(
    Types, ParserComplaints,
    testing::Values(
        Complaint{"1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
        Complaint{"a + bool b",
                  "1:3: parse error: bool modifier can only be used on comparison operators"},
        Complaint{"rate(x)",
                  "1:6: parse error: expected type range vector in call to function "
                  "\"rate\", got instant vector"},
        Complaint{"sum(1)",
                  "1:5: parse error: expected type instant vector in aggregation "
                  "expression, got scalar"},
        Complaint{"topk(x, y)",
                  "1:6: parse error: expected type scalar in aggregation parameter, "
                  "got instant vector"},
        Complaint{"topk(x)",
                  "1:1: parse error: wrong number of arguments for aggregate expression "
                  "provided, expected 2, got 1"},
        Complaint{"abs()", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 0"},
        Complaint{"hour(x, y)",
                  "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 2"},
        Complaint{"1 and x",
                  "1:1: parse error: set operator \"and\" not allowed in binary scalar "
                  "expression"},
        Complaint{"x == on(a) 1",
                  "1:1: parse error: vector matching only allowed between instant vectors"},
        Complaint{"x or on(a) group_left y",
                  "1:1: parse error: no grouping allowed for \"or\" operation"},
        Complaint{"x + on(a) group_left(a) y",
                  "1:3: parse error: label \"a\" must not occur in ON "
                  "and GROUP clause at once"},
        Complaint{"x[5m] + 1",
                  "1:1: parse error: binary expression must contain only scalar and "
                  "instant vector types"},
        Complaint{
            "1[5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"},
        Complaint{"-'a'",
                  "1:1: parse error: unary expression only allowed on expressions of type "
                  "scalar or instant vector, got \"string\""},
        Complaint{"{}",
                  "1:1: parse error: vector selector must contain at least one non-empty "
                  "matcher"},
        Complaint{"x{__name__=\"y\"}",
                  "1:1: parse error: metric name must not be set twice: \"x\" or \"y\""},
        Complaint{"x{a=~\"(\"}",
                  "1:3: parse error: error parsing regexp: missing closing ): `^(?:()$`"}));

TEST(Parser, caret_stands_under_the_place) {
    const std::string text = "sum(up)\n\tby \xc3\xa4";
    const auto parsed = parse(text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().to_text_with_caret(text),
              "2:5: parse error: unexpected character: '\xc3\xa4'\n  \tby \xc3\xa4\n  \t   ^");
}

TEST(Parser, nesting_and_chains_have_an_end) {
    const std::string deep = std::string(300, '(') + "x" + std::string(300, ')');
    EXPECT_NE(canonical(deep).find("nested deeper than 250"), std::string::npos);
    std::string chain = "x";
    for (int i = 0; i < 2000; ++i) chain += " or x";
    EXPECT_NE(canonical(chain).find("chain longer than 1000"), std::string::npos);
    EXPECT_TRUE(parse(std::string(100, '(') + "x" + std::string(100, ')')).has_value());
}

TEST(Parser, marks_what_stays_the_same_at_every_step) {
    const auto fixed = parse("sum(rate(x[5m] @ 10))");
    EXPECT_TRUE((*fixed)->step_invariant);
    const auto mixed = parse("x + y @ 10");
    EXPECT_FALSE((*mixed)->step_invariant);
    const Binary& binary = std::get<Binary>((*mixed)->node);
    EXPECT_FALSE(binary.left->step_invariant);
    EXPECT_TRUE(binary.right->step_invariant);
    EXPECT_FALSE((*parse("timestamp(x @ 10)"))->step_invariant);
}

TEST(Parser, selectors_and_labels_alone) {
    const auto matchers = parse_selector("up{job=~\"a|b\"}");
    ASSERT_TRUE(matchers);
    ASSERT_EQ(matchers->size(), 2u);
    EXPECT_EQ((*matchers)[0].kind, Matcher::Kind::regex);
    EXPECT_EQ((*matchers)[1].value, "up");
    EXPECT_FALSE(parse_selector("up + 1"));
    const auto labels = parse_labels("up{b=\"2\", a=\"1\", c=\"\"}");
    ASSERT_TRUE(labels);
    EXPECT_EQ(*labels, (Labels{{"__name__", "up"}, {"a", "1"}, {"b", "2"}}));
    EXPECT_FALSE(parse_labels("up{a=~\"1\"}"));
}

}  // namespace
}  // namespace glassgate::store::query
