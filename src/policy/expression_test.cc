#include "policy/expression.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

struct Scene {
    Scene()
        : call(
              "GET /api/a%20b?x=1&name=Ann%20B&empty= HTTP/1.1\r\nHost: shop\r\nclient_id: mob\r\n"
              "X-Mixed-Name: Va lue\r\nX-Empty:\r\nAuthorization: Bearer tok.en\r\n\r\n") {
        call.request.client_id = "c1";
        call.request.client_name = "App";
        call.request.set_claim("tier", "gold");
        call.request.set_claim("realm.role", "admin");
        call.exchange.scheme = model::Scheme::https;
        call.exchange.protocol = model::Protocol::http11;
    }
    Call call;
};

// As text; "null" for null, "!column: message" for a mistake.
std::string value_of(const std::string& text) {
    static Scene scene;
    const auto expression = Expression::compile(text);
    if (!expression)
        return "!" + std::to_string(expression.error().column) + ": " + expression.error().message;
    const Response response{404, nullptr};
    if (expression->evaluate(scene.call.request, &response).kind == ExpressionValue::Kind::null)
        return "null";
    return std::string(expression->text(scene.call.request, &response));
}

TEST(Expression, Attributes) {
    EXPECT_EQ(value_of("#[attributes.headers['client_id']]"), "mob");
    EXPECT_EQ(value_of("#[attributes.headers.x-mixed-name]"), "Va lue");
    EXPECT_EQ(value_of("attributes['headers'][\"X-MIXED-NAME\"]"), "Va lue");
    EXPECT_EQ(value_of("attributes.headers['no']"), "null");
    EXPECT_EQ(value_of("attributes.headers['x-empty']"), "");
    EXPECT_EQ(value_of("attributes.queryParams.name"), "Ann B");
    EXPECT_EQ(value_of("attributes.queryParams['no']"), "null");
    EXPECT_EQ(value_of("attributes.method"), "GET");
    EXPECT_EQ(value_of("attributes.queryString"), "x=1&name=Ann%20B&empty=");
    EXPECT_EQ(value_of("attributes.requestPath"), "/api/a%20b");
    EXPECT_EQ(value_of("attributes.requestUri"), "/api/a%20b?x=1&name=Ann%20B&empty=");
    EXPECT_EQ(value_of("attributes.remoteAddress"), "192.0.2.7");
    EXPECT_EQ(value_of("attributes.scheme"), "https");
    EXPECT_EQ(value_of("attributes.version"), "HTTP/1.1");
    EXPECT_EQ(value_of("attributes.statusCode"), "404");
    EXPECT_EQ(value_of("authentication.clientId"), "c1");
    EXPECT_EQ(value_of("authentication.principal"), "c1");
    EXPECT_EQ(value_of("authentication.clientName"), "App");
    EXPECT_EQ(value_of("authentication.properties.claims.tier"), "gold");
    EXPECT_EQ(value_of("vars.claimSet.realm.role"), "admin");
    EXPECT_EQ(value_of("vars.claimSet['tier']"), "gold");
    EXPECT_EQ(value_of("vars.claimSet.no"), "null");
}

TEST(Expression, BeforeThereIsAResponse) {
    Scene scene;
    const auto status = Expression::compile("attributes.statusCode");
    ASSERT_TRUE(status);
    EXPECT_EQ(status->evaluate(scene.call.request).kind, ExpressionValue::Kind::null);
}

TEST(Expression, Operators) {
    EXPECT_EQ(value_of("if (vars.claimSet.tier == 'gold') 'high' else 'low'"), "high");
    EXPECT_EQ(value_of("if (true and false) 1 else if (not false) 2 else 3"), "2");
    EXPECT_EQ(value_of("attributes.headers.no default 'x' default 'y'"), "x");
    EXPECT_EQ(value_of("'a' ++ 'b' ++ 1"), "ab1");
    EXPECT_EQ(value_of("null ++ 'b'"), "b");
    EXPECT_EQ(value_of("1 < 2 and 10 > 9"), "true");
    EXPECT_EQ(value_of("'10' < '9'"), "true");  // texts
    EXPECT_EQ(value_of("attributes.statusCode >= 400"), "true");
    EXPECT_EQ(value_of("attributes.queryParams.x == 1"), "true");
    EXPECT_EQ(value_of("null == null"), "true");
    EXPECT_EQ(value_of("null != 'a'"), "true");
    EXPECT_EQ(value_of("null < 'a' or null > 'a'"), "false");
    EXPECT_EQ(value_of("!true or !!true"), "true");
    EXPECT_EQ(value_of("1 == 1 and 2 != 2 or true"), "true");
    EXPECT_EQ(value_of("(1.5)"), "1.5");
    EXPECT_EQ(value_of("-3 <= -3"), "true");
    EXPECT_EQ(value_of("'it\\'s' ++ \"\\\"\""), "it's\"");
}

TEST(Expression, Functions) {
    EXPECT_EQ(value_of("(attributes.headers['authorization'] splitBy ' ')[1]"), "tok.en");
    EXPECT_EQ(value_of("splitBy('a,b,c', ',')[-1]"), "c");
    EXPECT_EQ(value_of("splitBy('a,b,c', ',')[3]"), "null");
    EXPECT_EQ(value_of("'a,b,a' splitBy ','"), "a,b,a");
    EXPECT_EQ(value_of("('a,b,a' splitBy ',') -- ('a' splitBy ',')"), "b");
    EXPECT_EQ(value_of("('a b' splitBy ' ') ++ ('c' splitBy ' ')"), "a,b,c");
    EXPECT_EQ(value_of("sizeOf('a b' splitBy ' ')"), "2");
    EXPECT_EQ(value_of("sizeOf('four') == 4"), "true");
    EXPECT_EQ(value_of("sizeOf(null)"), "0");
    EXPECT_EQ(value_of("'abc' contains 'b'"), "true");
    EXPECT_EQ(value_of("('ab c' splitBy ' ') contains 'b'"), "false");
    EXPECT_EQ(value_of("contains(null, 'b')"), "false");
    EXPECT_EQ(value_of("upper('aZ1') ++ lower('aZ1') ++ trim(' x\\t')"), "AZ1az1x");
    EXPECT_EQ(value_of("'a.b.c' substringBefore '.'"), "a");
    EXPECT_EQ(value_of("'a.b.c' substringAfter '.'"), "b.c");
    EXPECT_EQ(value_of("substringBeforeLast('a.b.c', '.')"), "a.b");
    EXPECT_EQ(value_of("substringAfterLast('a.b.c', '.')"), "c");
    EXPECT_EQ(value_of("substringAfter('abc', '.')"), "");
    EXPECT_EQ(value_of("substringBefore('abc', '.')"), "abc");
    EXPECT_EQ(value_of("lower(null)"), "null");
    EXPECT_EQ(value_of("sizeOf(uuid())"), "36");
    EXPECT_EQ(value_of("uuid() == uuid()"), "false");
}

TEST(Expression, MistakesPointAtTheirColumn) {
    EXPECT_EQ(value_of("#[attributes.metod]"), "!13: attributes has no 'metod' here");
    EXPECT_EQ(value_of("#['a' + 'b']"), "!7: something follows the expression");
    EXPECT_EQ(value_of("#[lowr('a')]"), "!3: unknown name 'lowr'");
    EXPECT_EQ(value_of("#[payload.x]"), "!3: payload cannot be read here");
    EXPECT_EQ(value_of("#[]"), "!3: the expression ends here");
    EXPECT_EQ(value_of("if (true) 1"), "!12: an 'if' without 'else'");
    EXPECT_EQ(value_of("'abc"), "!1: a text does not end");
    EXPECT_EQ(value_of("attributes.headers"), "!19: attributes.headers is not a value by itself");
    EXPECT_EQ(value_of("vars.x"), "!5: there is no variable 'x'");
    EXPECT_EQ(value_of("contains('a')"), "!13: contains has too few operands");
    EXPECT_EQ(value_of("lower('a', 'b')"), "!10: lower takes 1 operands");
    EXPECT_EQ(value_of("1x"), "!1: not a number");
    EXPECT_EQ(value_of("(1"), "!3: a parenthesis is not closed");
    EXPECT_EQ(value_of("'a'.b"), "!5: this value has no members");
    EXPECT_EQ(value_of(std::string(100, '(')), "!65: too deeply nested");
    EXPECT_EQ(value_of(std::string(2000, '!') + "true"),
              "!1: an expression of more than 1000 operations");
    EXPECT_EQ(value_of(std::string(5000, ' ')), "!1: an expression of more than 4096 bytes");
    EXPECT_EQ(Expression::compile("upperr('a')").error().expected, "upper");
}

TEST(Expression, Holds) {
    Scene scene;
    EXPECT_TRUE(Expression::compile("true")->holds(scene.call.request));
    EXPECT_FALSE(Expression::compile("'true'")->holds(scene.call.request));
    EXPECT_FALSE(Expression::compile("null")->holds(scene.call.request));
    EXPECT_TRUE(Expression::is_one("#[x]"));
    EXPECT_FALSE(Expression::is_one("x"));
}

}  // namespace
}  // namespace glassgate::policy
