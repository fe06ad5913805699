#include "policy/json_scanner.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace glassgate::policy {
namespace {

using enum JsonScanner::Fault;

JsonScanner::Fault scan(std::string_view text, const JsonLimits& limits = {},
                        std::size_t piece = std::string_view::npos) {
    JsonScanner scanner(limits);
    while (!text.empty()) {
        const std::string_view part = text.substr(0, piece);
        if (scanner.feed(part) != none) return scanner.finish();
        text.remove_prefix(part.size());
    }
    return scanner.finish();
}

TEST(JsonScanner, TakesWhatIsJson) {
    for (const char* const good : {"0",
                                   "-0",
                                   "1",
                                   "-12.5e+3",
                                   "1E9",
                                   "0.5",
                                   "\"\"",
                                   " true ",
                                   "null\n",
                                   "[]",
                                   "{}",
                                   "[ ]",
                                   "{ }",
                                   "[1,2]",
                                   R"({"a":1,"b":[{"c":null}]})",
                                   R"("\u00e9\n\"\\\/")",
                                   "\"\xc3\xa9\"",
                                   "[[[]]]",
                                   "[1e1,0,-1]",
                                   R"({"":{}})"})
        for (const std::size_t piece : {std::string_view::npos, std::size_t{1}})
            EXPECT_EQ(scan(good, {}, piece), none) << good;
}

TEST(JsonScanner, RefusesWhatIsNone) {
    for (const char* const bad : {"",
                                  " ",
                                  "01",
                                  "-",
                                  "1.",
                                  ".5",
                                  "1e",
                                  "1e+",
                                  "+1",
                                  "tru",
                                  "truee",
                                  "nul",
                                  "[",
                                  "]",
                                  "{",
                                  "}",
                                  "[1,]",
                                  "[,1]",
                                  "[1 2]",
                                  "{\"a\"}",
                                  "{\"a\":}",
                                  "{\"a\":1,}",
                                  "{,}",
                                  "{a:1}",
                                  "{1:1}",
                                  "[}",
                                  "{]",
                                  "\"",
                                  "\"\n\"",
                                  R"("\x")",
                                  R"("\u12g4")",
                                  "1 2",
                                  "[]]",
                                  "{} {}",
                                  "'a'",
                                  "NaN",
                                  "Infinity",
                                  "\xef\xbb\xbf{}",
                                  "/**/1",
                                  "[1]x",
                                  "0x1",
                                  "1-",
                                  "--1"})
        for (const std::size_t piece : {std::string_view::npos, std::size_t{1}})
            EXPECT_EQ(scan(bad, {}, piece), malformed) << bad;
}

TEST(JsonScanner, Limits) {
    JsonLimits limits;
    limits.depth = 2;
    EXPECT_EQ(scan("[{}]", limits), none);
    EXPECT_EQ(scan("[{\"a\":[]}]", limits), depth);
    limits = {};
    limits.entries = 2;
    EXPECT_EQ(scan(R"({"a":{"x":1,"y":2},"b":[1,2,3]})", limits), none);
    EXPECT_EQ(scan(R"({"a":1,"b":2,"c":3})", limits), entries);
    EXPECT_EQ(scan(R"([{"a":1,"b":{"a":1,"b":2,"c":3}}])", limits), entries);
    limits = {};
    limits.elements = 2;
    EXPECT_EQ(scan("[[1,2],[3,4]]", limits), none);
    EXPECT_EQ(scan("[1,2,3]", limits), elements);
    EXPECT_EQ(scan("[[],[],[]]", limits), elements);
    limits = {};
    limits.string_length = 3;
    EXPECT_EQ(scan(R"({"longer":"abc"})", limits), none);
    EXPECT_EQ(scan("\"\xc3\xa9\xe2\x82\xac\\u00e9\"", limits), none);
    EXPECT_EQ(scan("\"abcd\"", limits), string_length);
    limits = {};
    limits.name_length = 3;
    EXPECT_EQ(scan(R"({"abc":"longer"})", limits), none);
    EXPECT_EQ(scan(R"({"abcd":1})", limits), name_length);
    limits.name_length = 0;
    EXPECT_EQ(scan(R"({"":1})", limits), none);
}

TEST(JsonScanner, StaysAtItsFault) {
    JsonScanner scanner({});
    EXPECT_EQ(scanner.feed("[1,]"), malformed);
    EXPECT_EQ(scanner.feed("[]"), malformed);
    EXPECT_EQ(scanner.finish(), malformed);
}

TEST(JsonScanner, DeepNestingCostsLittle) {
    EXPECT_EQ(scan(std::string(1'000'000, '[')), malformed);
    EXPECT_EQ(scan(std::string(100'000, '[') + std::string(100'000, ']')), none);
}

// Texts over the characters that matter: the same verdict as a whole parser's, in pieces of any
// size.
TEST(JsonScanner, AgreesWithAParser) {
    std::mt19937 random(3);
    const std::string_view alphabet = "[]{},:\"\\0129-.eEtrufalsn \n";
    int good = 0;
    for (int round = 0; round < 60'000; ++round) {
        std::string text;
        for (std::size_t size = 1 + random() % 9; text.size() < size;)
            text += alphabet[random() % alphabet.size()];
        const bool expected = nlohmann::json::accept(text);
        good += expected;
        ASSERT_EQ(scan(text, {}, 1 + random() % 3) == none, expected) << text;
    }
    EXPECT_GT(good, 100);
}

}  // namespace
}  // namespace glassgate::policy
