#include "proxy/path_pattern.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

namespace glassgate::proxy {
namespace {

PathPattern pattern(const std::string& text) {
    auto compiled = PathPattern::compile(text);
    EXPECT_TRUE(compiled) << text;
    return compiled.value_or(PathPattern());
}

constexpr const char* kPatterns[] = {
    ".*",     "(.*)",     "/a",       "/a/b",         "(/a)",       "(/.*)",          "/a(/.*)?",
    "(/a.*)", "/a(/.*)",  "/a/.*",    "/a(.*)",       "/a(?:/.*)?", "/a\\.b",         "/a\\-b(.*?)",
    "/ab?",   "/a.",      "/a|/b",    "(/a|/b)(/.*)", "/(a)/(b)?",  "/[ab](/.*)",     "^/a$",
    "/a()?",  "",         "()",       "/a(/b.*)?",    "(/a)?",      "/a{2}",          "/a.*b",
    "(?i)/a", "/a.*?",    "(/a)(/b)", "/a(/.*)?x",    "/(?P<x>a)",  "/a\\/b",         "/é",
    "(/.*)?", "/a(b.*)?", "/a(.*b)",  "/a.+",         "/a(/.*)*",   "/a\\(b\\)(/.*)?"};
constexpr const char* kTexts[] = {"",       "/",     "/a",      "/a/",   "/ab",   "/a/b",
                                  "/a/b/c", "/b",    "/b/x",    "/a.b",  "/a-bc", "/axb",
                                  "/aa",    "/A",    "/a(b)/c", "/a(b)", "/é",    "x",
                                  "/a/b\n", "/\xff", "/a/bx",   "/a/x",  "a",     "/a/b/b"};

// Whatever form a pattern is compared in, it takes what RE2 says and captures the same.
TEST(PathPattern, AgreesWithRe2) {
    RE2::Options options(RE2::Quiet);
    options.set_encoding(RE2::Options::EncodingLatin1);
    options.set_dot_nl(true);
    std::size_t direct = 0;
    for (const char* const written : kPatterns) {
        const PathPattern compiled = pattern(written);
        const RE2 reference(written, options);
        direct += compiled.direct();
        for (const std::string_view text : kTexts) {
            re2::StringPiece found[Captures::kMax + 1];
            const int groups = reference.NumberOfCapturingGroups();
            const bool expected = reference.Match({text.data(), text.size()}, 0, text.size(),
                                                  RE2::ANCHOR_BOTH, found, groups + 1);
            Captures captures;
            EXPECT_EQ(compiled.matches(text), expected) << written << " on " << text;
            ASSERT_EQ(compiled.match(text, captures), expected) << written << " on " << text;
            if (!expected) continue;
            ASSERT_EQ(captures.count, static_cast<std::size_t>(groups)) << written;
            for (int i = 0; i < groups; ++i)
                EXPECT_EQ(captures.texts[i],
                          std::string_view(found[i + 1].data() != nullptr ? found[i + 1].as_string()
                                                                          : std::string()))
                    << written << " on " << text;
        }
    }
    EXPECT_GT(direct, 18u);
    EXPECT_LT(direct, std::size(kPatterns));
}

TEST(PathPattern, AnythingIsAnyByte) {
    for (const char* const anything : {".*", "(.*)", "(?:x|.*)"})
        EXPECT_TRUE(pattern(anything).matches("\xff\n\x80")) << anything;
    EXPECT_TRUE(PathPattern().takes_everything());
    EXPECT_TRUE(pattern(".*").takes_everything());
    EXPECT_TRUE(pattern("(.*)").takes_everything());
    EXPECT_FALSE(pattern("/.*").takes_everything());
}

TEST(PathPattern, CaseMayNotMatter) {
    const auto host = PathPattern::compile("api\\.example\\.com", PathPattern::Case::insensitive);
    ASSERT_TRUE(host);
    EXPECT_TRUE(host->matches("API.Example.com"));
    EXPECT_FALSE(host->matches("api-example.com"));
    EXPECT_FALSE(pattern("/a").matches("/A"));
}

TEST(PathPattern, SaysWhatIsWrong) {
    EXPECT_EQ(PathPattern::compile("/a(").error().message, "missing ): /a(");
    EXPECT_EQ(PathPattern::compile("(?=x)").error().message, "invalid perl operator: (?=");
    std::string many;
    for (std::size_t i = 0; i <= Captures::kMax; ++i) many += "(a)";
    EXPECT_EQ(PathPattern::compile(many).error().message, "more than 15 groups");
    EXPECT_FALSE(PathPattern::compile("((a{1000}){1000}){1000}"));
}

}  // namespace
}  // namespace glassgate::proxy
