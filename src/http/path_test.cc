#include "http/path.h"

#include <gtest/gtest.h>

#include "base/ids.h"

namespace glassgate::http {
namespace {

// The normal form, or "refused".
std::string normal(std::string_view raw) {
    std::string out = "left over";
    if (!normalize_path(raw, out)) return "refused";
    return out.empty() ? std::string(raw) : out;
}

TEST(Path, Normalises) {
    struct Case {
        const char *raw, *expected;
    };
    for (const Case& c : std::initializer_list<Case>{
             {"/", "/"},
             {"*", "*"},
             {"/a/b", "/a/b"},
             {"/a/", "/a/"},
             // dot segments, RFC 3986 §5.2.4
             {"/a/./b", "/a/b"},
             {"/a/../b", "/b"},
             {"/a/b/c/./../../g", "/a/g"},
             {"/.", "/"},
             {"/a/.", "/a/"},
             {"/a/..", "/"},
             {"/a/b/..", "/a/"},
             {"/a/b/../", "/a/"},
             {"/./a", "/a"},
             {"/...", "/..."},
             {"/.a", "/.a"},
             {"/a.", "/a."},
             {"/..a", "/..a"},
             {"/a/.well-known/b", "/a/.well-known/b"},
             // empty segments stay, and are segments
             {"//", "//"},
             {"//a//b", "//a//b"},
             {"/a//../b", "/a/b"},
             {"//..", "/"},
             // encoded dots are dots
             {"/a/%2e/b", "/a/b"},
             {"/a/%2E%2e/b", "/b"},
             {"/a/.%2e/b", "/b"},
             {"/a/%2e./b", "/b"},
             {"/%2ea", "/.a"},
             // escapes: unreserved are decoded, others stay, in upper case
             {"/%41%7a%30%2D%5F%7e", "/Az0-_~"},
             {"/a%2fb", "/a%2Fb"},
             {"/a%2Fb", "/a%2Fb"},
             {"/%c3%a9", "/%C3%A9"},
             {"/%20%25%3f%23", "/%20%25%3F%23"},
             {"/a%5cb", "/a%5Cb"},
             {"/%c0%af", "/%C0%AF"},
             {"/%c0%ae%c0%ae/a", "/%C0%AE%C0%AE/a"},
             {"/%252e%252e/a", "/%252e%252e/a"},
             {"/a;x=1/b", "/a;x=1/b"},
             {"/a..;/b", "/a..;/b"},
             {"/a%2F.b", "/a%2F.b"},
             {"/a%2F...", "/a%2F..."},
         })
        EXPECT_EQ(normal(c.raw), c.expected) << c.raw;
}

TEST(Path, Refuses) {
    for (const char* raw : {"/..",
                            "/../a",
                            "/a/../..",
                            "/a/../../b",
                            "/%2e%2e/a",
                            "/./..",
                            "/%2e%2e",
                            "//../..",
                            "/%",
                            "/%4",
                            "/a%",
                            "/%zz",
                            "/%g0",
                            "/%0g",
                            "/%%34%31",
                            "/%u0041",
                            "/%00",
                            "/a%00b",
                            "/a/..;/b",
                            "/a/.;x/b",
                            "/a/%2e%2e;x=1/b",
                            "/..;",
                            "/a/..%2fb",
                            "/a/..%2Fb",
                            "/a/%2e%2e%2fb",
                            "/a%2f..",
                            "/a%2f../b",
                            "/a%2f%2e%2e%2fb",
                            "/a/..%5cb",
                            "/a%5c..",
                            "/a%5C%2E%2E/b",
                            "/a/.%2fb",
                            "/a%2f.%2fb",
                            "/a%2f..;x/b",
                            "/a%2F.."})
        EXPECT_EQ(normal(raw), "refused") << raw;
}

TEST(Path, ValidEscapes) {
    EXPECT_TRUE(valid_escapes(""));
    EXPECT_TRUE(valid_escapes("/%20%fF"));
    for (const char* bad : {"%", "%1", "%1g", "%g1", "%00", "a%20%"})
        EXPECT_FALSE(valid_escapes(bad)) << bad;
}

std::string random_path(Random& random) {
    static constexpr std::string_view kPieces[] = {
        "/", "/",  "/..", "/.", ".",   "a",  "%2e", "%2E", "%2f", "%2F", "%5c",
        ";", "..", "%41", "%",  "%25", "2e", "%c3", "~",   "%00", "b=",  "%3B"};
    std::string path = "/";
    for (uint64_t i = random.below(10); i > 0; --i)
        path += kPieces[random.below(std::size(kPieces))];
    return path;
}

TEST(Path, NormalisingTwiceIsNormalisingOnce) {
    Random random(5);
    int normalised = 0;
    for (int i = 0; i < 200'000; ++i) {
        const std::string raw = random_path(random);
        std::string once;
        if (!normalize_path(raw, once)) continue;
        const std::string result = once.empty() ? raw : once;
        normalised += once.empty() ? 0 : 1;
        EXPECT_EQ(result[0], '/') << raw;
        EXPECT_EQ((result + "/").find("/../"), std::string::npos) << raw;
        EXPECT_EQ((result + "/").find("/./"), std::string::npos) << raw;
        std::string twice;
        EXPECT_TRUE(normalize_path(result, twice)) << raw;
        EXPECT_TRUE(twice.empty()) << raw << " -> " << result << " -> " << twice;
    }
    EXPECT_GT(normalised, 1000);
}

TEST(Path, ANormalPathIsNotCopied) {
    for (const char* raw :
         {"/a/b", "/a%20b", "/a%2Fb", "/.well-known/x", "/a/...", "/.a.b/..c", "*"}) {
        std::string out;
        const std::size_t capacity = out.capacity();
        EXPECT_TRUE(normalize_path(std::string(raw) + std::string(100, 'x'), out));
        EXPECT_EQ(out.capacity(), capacity) << raw;
    }
}

}  // namespace
}  // namespace glassgate::http
