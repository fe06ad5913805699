#include "base/text.h"

#include <gtest/gtest.h>

#include <vector>

namespace glassgate {
namespace {

TEST(Text, LowerIsForAsciiLettersOnly) {
    for (int c = 0; c < 256; ++c) {
        const char ch = static_cast<char>(c);
        EXPECT_EQ(to_lower(ch), c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : ch);
    }
}

TEST(Text, Iequals) {
    EXPECT_TRUE(iequals("", ""));
    EXPECT_TRUE(iequals("Content-Length", "cONTENT-lENGTH"));
    EXPECT_FALSE(iequals("a", "ab"));
    EXPECT_FALSE(iequals("a", "b"));
    EXPECT_FALSE(iequals("[", "{")) << "these differ in the same bit as letters do";
    EXPECT_FALSE(iequals("@", "`"));
    EXPECT_FALSE(iequals("\xc4", "\xe4"));
}

TEST(Text, TrimOws) {
    EXPECT_EQ(trim_ows(" \t a b \t"), "a b");
    EXPECT_EQ(trim_ows(" \t "), "");
    EXPECT_EQ(trim_ows(""), "");
    EXPECT_EQ(trim_ows("\ra\v"), "\ra\v") << "no other white space";
}

TEST(Text, ParseU64) {
    EXPECT_EQ(parse_u64("0"), 0u);
    EXPECT_EQ(parse_u64("007"), 7u);
    EXPECT_EQ(parse_u64("18446744073709551615"), UINT64_MAX);
    for (const char* bad : {"", "-1", "-0", "+1", " 1", "1 ", "1a", "0x1", "1.0",
                            "18446744073709551616", "99999999999999999999"})
        EXPECT_EQ(parse_u64(bad), std::nullopt) << bad;
}

TEST(Text, AppendU64) {
    std::string out = "a";
    append_u64(out, 0);
    append_u64(out, UINT64_MAX);
    EXPECT_EQ(out, "a018446744073709551615");
}

TEST(Text, ListElements) {
    const auto elements = [](std::string_view list) {
        std::vector<std::string> found;
        EXPECT_TRUE(for_each_list_element(
            list, [&](std::string_view e) { return found.emplace_back(e), true; }));
        return found;
    };
    EXPECT_EQ(elements(""), std::vector<std::string>{});
    EXPECT_EQ(elements(" , ,\t,"), std::vector<std::string>{});
    EXPECT_EQ(elements("a"), std::vector<std::string>{"a"});
    EXPECT_EQ(elements(" a b ,c,, d\t"), (std::vector<std::string>{"a b", "c", "d"}));
    int seen = 0;
    EXPECT_FALSE(
        for_each_list_element("a,b,c", [&](std::string_view e) { return ++seen, e != "b"; }));
    EXPECT_EQ(seen, 2) << "stops where it is told to";
}

}  // namespace
}  // namespace glassgate
