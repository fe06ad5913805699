#include "telemetry/project/redact.h"

#include <gtest/gtest.h>

#include "telemetry/project/card_numbers.h"

namespace glassgate::telemetry {
namespace {

std::string cards(std::string text) {
    mask_card_numbers(text);
    return text;
}
std::string text(std::string_view in) {
    std::string out;
    redact_text(in, out);
    std::string scratch;
    EXPECT_EQ(redacted(in, scratch), out);
    return out;
}
std::string values(std::string_view in) {
    std::string out;
    redact_query_values(in, out);
    return out;
}
std::string secrets(std::string_view in) {
    std::string out;
    redact_secret_values(in, out);
    return out;
}

TEST(CardNumbers, AreMaskedButForTheLastFour) {
    EXPECT_EQ(cards("4111111111111111"), "************1111");
    EXPECT_EQ(cards("/pay/4111111111111111/now"), "/pay/************1111/now");
    EXPECT_EQ(cards("378282246310005"), "***********0005");          // American Express: 15
    EXPECT_EQ(cards("30569309025904"), "**********5904");            // Diners Club: 14
    EXPECT_EQ(cards("4222222222222"), "*********2222");              // Visa: 13
    EXPECT_EQ(cards("6304000000000000000"), "***************0000");  // Maestro: 19
    EXPECT_EQ(cards("a4111111111111111b5555555555554444"), "a************1111b************4444");
}

TEST(CardNumbers, SeparatorsOfAnyKindStay) {
    EXPECT_EQ(cards("4111 1111 1111 1111"), "**** **** **** 1111");
    EXPECT_EQ(cards("4111-1111-1111-1111"), "****-****-****-1111");
    EXPECT_EQ(cards("4111%201111%201111%201111"), "****%20****%20****%201111");
    EXPECT_EQ(cards("4111%2D1111%2d1111+1111"), "****%2D****%2d****+1111");
    EXPECT_EQ(cards("4111 - 1111 - 1111 - 1111"), "**** - **** - **** - 1111");
    EXPECT_EQ(cards("%34111111111111111"), "%2A***********1111");  // an encoded digit
}

TEST(CardNumbers, OtherNumbersStay) {
    for (const char* same :
         {"4111111111111112", "411111111111", "1795770863000", "192.0.2.7:52114",
          "2026-11-27T09:14:22.123Z", "00-a0a1a2a3a4a5a6a7a8a9aaabacadaeaf-01",
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.6099.109", ""})
        EXPECT_EQ(cards(same), same);
}

TEST(CardNumbers, NeighboursDoNotHideThem) {
    EXPECT_EQ(cards("100 4111111111111111"), "100 ************1111");
    EXPECT_EQ(cards("4111111111111111 12 2027"), "************1111 12 2027");
    EXPECT_EQ(cards("41111111111111111227"), "************11111227");  // an expiry date behind it
    EXPECT_EQ(cards("014111111111111111"), "01************1111");
    EXPECT_EQ(cards("004111111111111111"), "**************1111");  // valid as a whole
    EXPECT_EQ(cards("4111111111111111-5555555555554444"), "************1111-************4444");
    EXPECT_EQ(cards("41111111111111115555555555554444"), "************1111************4444");
}

TEST(CardNumbers, OnlyWhatWasAppendedIsLookedAt) {
    std::string all = "4111111111111111,4111111111111111";
    mask_card_numbers(all, 17);
    EXPECT_EQ(all, "4111111111111111,************1111");
}

TEST(RedactText, TokensAndCards) {
    EXPECT_EQ(text("/api/products/42"), "/api/products/42");
    EXPECT_EQ(text("/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln/x"),
              "/t/***");  // '/' may be base64
    EXPECT_EQ(text("got eyJhbGciOiJIUzI1NiJ9.e30.c2ln, bad"), "got ***, bad");
    EXPECT_EQ(text("Authorization: Bearer abc.def-123 rest"), "Authorization: Bearer *** rest");
    EXPECT_EQ(text("bearer%20abc"), "bearer%20***");
    EXPECT_EQ(text("the bearer of this"), "the bearer *** this");
    EXPECT_EQ(text("Bearer"), "Bearer");
    EXPECT_EQ(text("eyJ"), "eyJ");
    EXPECT_EQ(text("Bearer x 4111111111111111"), "Bearer *** ************1111");
}

TEST(RedactQuery, ValuesGoNamesStay) {
    EXPECT_EQ(values("a=1&b=two&empty=&flag"), "a=***&b=***&empty=&flag");
    EXPECT_EQ(values("a=b=c;d=e"), "a=***;d=***");
    EXPECT_EQ(values("4111111111111111"), "************1111");
    EXPECT_EQ(values("4111111111111111=1"), "************1111=***");
    EXPECT_EQ(values("eyJhbGciOiJIUzI1NiJ9.e30.c2ln"), "***");
    EXPECT_EQ(values(""), "");
    EXPECT_EQ(values("&&"), "&&");
}

TEST(RedactQuery, OnlySecretsWhereThePlanSaysSo) {
    EXPECT_EQ(secrets("page=2&token=abc&size=10"), "page=2&token=***&size=10");
    EXPECT_EQ(secrets("access_token=a&API-Key=b&clientSecret=c&sig=d&q=code"),
              "access_token=***&API-Key=***&clientSecret=***&sig=***&q=code");
    EXPECT_EQ(secrets("%74oken=abc"), "%74oken=***");
    EXPECT_EQ(secrets("card=4111111111111111&x=1"), "card=************1111&x=1");
    EXPECT_EQ(secrets("https://shop.example/cb?code=s3cr3t&state=xyz#top"),
              "https://shop.example/cb?code=***&state=***#top");
    EXPECT_EQ(secrets("password=\"two words\", user=bob"), "password=***, user=bob");
    EXPECT_EQ(secrets("password='open"), "password=***");
    EXPECT_EQ(secrets("token="), "token=");
    EXPECT_EQ(secrets("a==b&token=x=y"), "a==b&token=***");
}

TEST(Secrets, Names) {
    for (const char* name :
         {"token", "Password", "x-secret", "client_secret", "apiKey", "api.key", "AUTH", "code",
          "sig", "X-Amz-Signature", "refresh_token", "sessionId", "%63ode"})
        EXPECT_TRUE(is_secret_name(name)) << name;
    for (const char* name : {"q", "page", "codec", "design", "zipcode2", "id", "", "keyword"})
        EXPECT_FALSE(is_secret_name(name)) << name;
    for (const char* name : {"authorization", "Cookie", "Proxy-Authorization", "Set-Cookie",
                             "x-api-key", "client_secret", "X-Auth-Token"})
        EXPECT_TRUE(is_secret_header(name)) << name;
    for (const char* name : {"x-tenant", "accept", "user-agent", "referer", "client_id"})
        EXPECT_FALSE(is_secret_header(name)) << name;
}

}  // namespace
}  // namespace glassgate::telemetry
