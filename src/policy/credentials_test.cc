#include "policy/credentials.h"

#include <gtest/gtest.h>

#include <string>

namespace glassgate::policy {
namespace {

TEST(DecodeForm, EscapesAndPlus) {
    Arena arena;
    EXPECT_EQ(decode_form("plain", arena), "plain");
    EXPECT_EQ(decode_form("a%20b+c%2fd%2B", arena), "a b c/d+");
    EXPECT_EQ(decode_form("%C3%A9", arena), "\xC3\xA9");
    EXPECT_EQ(decode_form("", arena), "");
    for (const char* broken : {"%", "%4", "a%", "%zz", "%4g", "%%41"})
        EXPECT_EQ(decode_form(broken, arena), std::nullopt) << broken;
}

TEST(FindParameter, FirstOfThatName) {
    EXPECT_EQ(find_parameter("a=1&client_id=x&client_id=y", "client_id"), "x");
    EXPECT_EQ(find_parameter("client_id=x%20y", "client_id"), "x%20y");
    EXPECT_EQ(find_parameter("client%5Fid=x", "client_id"), "x");
    EXPECT_EQ(find_parameter("client_id=a=b", "client_id"), "a=b");
    EXPECT_EQ(find_parameter("xclient_id=1&client_idx=2&client_i=3", "client_id").data(), nullptr);
    EXPECT_EQ(find_parameter("&&=&client_id", "client_id"), "");
    EXPECT_NE(find_parameter("client_id", "client_id").data(), nullptr);
    EXPECT_EQ(find_parameter("", "client_id").data(), nullptr);
    EXPECT_EQ(find_parameter("client_id%zz=1", "client_id").data(), nullptr);
}

TEST(BasicUser, UserBeforeTheColon) {
    Arena arena;
    const auto user = [&](std::string_view value) { return basic_user(value, arena); };
    EXPECT_EQ(user("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").user, "Aladdin");  // RFC 7617 §2
    EXPECT_EQ(user("bAsIc  QWxhZGRpbjpvcGVuIHNlc2FtZQ").user, "Aladdin");
    EXPECT_EQ(user("Basic YTpiOmM=").user, "a");      // a:b:c
    EXPECT_TRUE(user("Basic OnNlY3JldA==").present);  // :secret
    EXPECT_EQ(user("Basic OnNlY3JldA==").user, "");
    EXPECT_FALSE(user("Bearer abc").present);
    EXPECT_FALSE(user("Basically").present);
    EXPECT_FALSE(user("").present);
    for (const char* broken :
         {"Basic ", "Basic YWxpY2U=", "Basic !!!!", "Basic QWxh=ZGRpbjpv", "Basic Q"})
        EXPECT_TRUE(user(broken).malformed) << broken;
}

// The arena is the only place decoded text goes to; the password must not be in it.
TEST(BasicUser, ThePasswordIsKeptNowhere) {
    Arena arena;
    const BasicUser found = basic_user("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", arena);
    const std::string behind(found.user.data(), 20);
    EXPECT_EQ(behind.find("open"), std::string::npos);
}

TEST(CleanText, Utf8WithoutControls) {
    for (const char* good :
         {"", "mob-4f7a", "caf\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "a b"})
        EXPECT_TRUE(is_clean_text(good)) << good;
    const std::string_view bad[] = {"a\tb",     "a\nb",         {"\0", 1},
                                    "\x7f",     "\xC2\x85",     "\xE9",
                                    "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                    "\xE2\x82", "\x80",         "\xF8\x88\x80\x80\x80"};
    for (const std::string_view text : bad) EXPECT_FALSE(is_clean_text(text)) << text;
}

}  // namespace
}  // namespace glassgate::policy
