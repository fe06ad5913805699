#include "console/credentials.h"

#include <gtest/gtest.h>

#include "config/password_hash.h"
#include "http/base64.h"

namespace glassgate::console {
namespace {

using config::ConsoleCredential;
using config::ConsoleRole;

std::string basic(std::string_view name, std::string_view password) {
    std::string header = "Basic ";
    http::append_base64(header, std::string(name) + ":" + std::string(password));
    return header;
}

TEST(Credentials, AcceptsPasswordsAndTokens) {
    const auto hash = hash_password("correct horse: battery");
    const auto token = make_token();
    ASSERT_TRUE(hash && token);
    EXPECT_EQ(config::problem_with_password_hash(*hash), "");
    EXPECT_EQ(config::problem_with_token_hash(token->hash), "");
    Credentials credentials({ConsoleCredential{"ann", ConsoleRole::operator_, *hash, {}},
                             ConsoleCredential{"grafana", ConsoleRole::viewer, {}, token->hash}});
    const std::string good = basic("ann", "correct horse: battery");
    EXPECT_FALSE(credentials.recall(good));
    const auto ann = credentials.check(good);
    ASSERT_TRUE(ann);
    EXPECT_EQ(ann->name, "ann");
    EXPECT_EQ(ann->role, ConsoleRole::operator_);
    EXPECT_TRUE(credentials.recall(good));
    const auto robot = credentials.check("bearer " + token->token);
    ASSERT_TRUE(robot);
    EXPECT_EQ(robot->role, ConsoleRole::viewer);

    for (const std::string& bad :
         {basic("ann", "correct horse"), basic("bob", "correct horse: battery"),
          basic("grafana", ""), std::string("Basic !"), std::string("Basic"),
          std::string("Bearer x"), "Token " + token->token, std::string()})
        EXPECT_FALSE(credentials.check(bad)) << bad;
}

// RFC 7914 §12, third vector, cut to our length.
TEST(Credentials, HashesAsTheRfcSays) {
    std::string hash;
    const unsigned char expected[32] = {0x70, 0x23, 0xbd, 0xcb, 0x3a, 0xfd, 0x73, 0x48,
                                        0x46, 0x1c, 0x06, 0xcd, 0x81, 0xfd, 0x38, 0xeb,
                                        0xfd, 0xa8, 0xfb, 0xba, 0x90, 0x4f, 0x8e, 0x3e,
                                        0xa9, 0xb5, 0x43, 0xf6, 0x54, 0x5d, 0xa1, 0xf2};
    std::string text = "scrypt:14:8:1:";
    http::append_base64(text, "SodiumChloride");
    text += ":";
    http::append_base64(text, std::string_view(reinterpret_cast<const char*>(expected), 32));
    Credentials credentials({ConsoleCredential{"x", ConsoleRole::viewer, text, {}}});
    EXPECT_TRUE(credentials.check(basic("x", "pleaseletmein")));
    EXPECT_FALSE(credentials.check(basic("x", "pleaseletmeout")));
}

TEST(Credentials, RefusesHashesThatAreNone) {
    const std::string good = *hash_password("x");
    for (const std::string& bad : {std::string(), std::string("secret"), good + ":",
                                   good.substr(0, good.size() - 2), std::string("scrypt:14:8:1::"),
                                   "scrypt:30" + good.substr(9), "scrypt:1" + good.substr(9)})
        EXPECT_NE(config::problem_with_password_hash(bad), "") << bad;
    EXPECT_NE(config::problem_with_token_hash("sha256:12"), "");
    EXPECT_FALSE(hash_password(""));
}

}  // namespace
}  // namespace glassgate::console
