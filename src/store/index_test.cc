#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/ids.h"
#include "store/series_index.h"

namespace glassgate::store {
namespace {

using Kind = Matcher::Kind;

Labels labels(std::vector<std::pair<std::string, std::string>> pairs) {
    Labels out;
    std::sort(pairs.begin(), pairs.end());
    for (auto& [name, value] : pairs) out.push_back({name, value});
    return out;
}

Slots select(const SeriesIndex& index, const std::vector<Matcher>& matchers) {
    const auto set = compile_matchers(matchers);
    EXPECT_TRUE(set) << set.error().message;
    return index.select(*set);
}

struct Index : ::testing::Test {
    SeriesIndex index{1};
    void add(Slot slot, const Labels& l) { index.add(slot, l, index.hash(l)); }
    void SetUp() override {
        add(0, labels({{"__name__", "up"}, {"job", "a"}}));
        add(1, labels({{"__name__", "up"}, {"job", "b"}, {"zone", "x"}}));
        add(2, labels({{"__name__", "requests"}, {"job", "a"}, {"zone", "y"}}));
        add(3, labels({{"__name__", "requests"}, {"zone", "xy"}}));
    }
};

TEST_F(Index, EveryKindOfMatcher) {
    EXPECT_EQ(select(index, {}), (Slots{0, 1, 2, 3}));
    EXPECT_EQ(select(index, {{"__name__", Kind::equal, "up"}}), (Slots{0, 1}));
    EXPECT_EQ(select(index, {{"__name__", Kind::not_equal, "up"}}), (Slots{2, 3}));
    EXPECT_EQ(select(index, {{"zone", Kind::regex, "x.?"}}), (Slots{1, 3}));
    EXPECT_EQ(select(index, {{"zone", Kind::regex, "x"}}), (Slots{1})) << "anchored";
    EXPECT_EQ(select(index, {{"zone", Kind::not_regex, "x.*"}}), (Slots{0, 2})) << "missing too";
    EXPECT_EQ(select(index, {{"__name__", Kind::equal, "up"}, {"job", Kind::equal, "b"}}),
              (Slots{1}));
    EXPECT_EQ(select(index, {{"__name__", Kind::equal, "down"}}), Slots{});
    EXPECT_EQ(select(index, {{"nothing", Kind::equal, "x"}}), Slots{});
}

TEST_F(Index, AMissingLabelIsAnEmptyOne) {
    EXPECT_EQ(select(index, {{"job", Kind::equal, ""}}), (Slots{3}));
    EXPECT_EQ(select(index, {{"job", Kind::not_equal, ""}}), (Slots{0, 1, 2}));
    EXPECT_EQ(select(index, {{"zone", Kind::regex, "|y"}}), (Slots{0, 2}));
    EXPECT_EQ(select(index, {{"zone", Kind::regex, ".*"}}), (Slots{0, 1, 2, 3}));
    EXPECT_EQ(select(index, {{"zone", Kind::regex, ".+"}}), (Slots{1, 2, 3}));
    EXPECT_EQ(select(index, {{"nothing", Kind::equal, ""}}), (Slots{0, 1, 2, 3}));
}

TEST_F(Index, WhatIsRemovedIsForgottenToTheLastByte) {
    const std::size_t before = index.bytes();
    const Labels extra = labels({{"__name__", "extra"}, {"job", "only-here"}});
    add(9, extra);
    EXPECT_EQ(index.labels(9), extra);
    EXPECT_EQ(index.find(extra, index.hash(extra)), Slot{9});
    index.remove(9);
    EXPECT_EQ(index.find(extra, index.hash(extra)), std::nullopt);
    EXPECT_EQ(index.bytes(), before);
    EXPECT_EQ(select(index, {{"job", Kind::equal, "only-here"}}), Slots{});
    add(9, labels({{"__name__", "again"}}));
    EXPECT_EQ(index.size(), 5u);
}

TEST(Matchers, ABadExpressionIsNamed) {
    const auto bad = compile_matchers({{"job", Kind::regex, "a("}});
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().message.find("job"), std::string::npos) << bad.error().message;
    EXPECT_NE(bad.error().message.find("a("), std::string::npos);
}

// Against the definition: every series asked in turn.
TEST(Matchers, Property) {
    Random random(11);
    SeriesIndex index(3);
    std::vector<Labels> all;
    const auto value = [&] { return std::string(1, static_cast<char>('a' + random.below(4))); };
    for (Slot slot = 0; slot < 300; ++slot) {
        std::vector<std::pair<std::string, std::string>> pairs = {{"id", std::to_string(slot)}};
        for (const char* name : {"x", "y", "z"})
            if (random.below(3) != 0) pairs.emplace_back(name, value() + value());
        all.push_back(labels(pairs));
        index.add(slot, all.back(), index.hash(all.back()));
    }
    for (int round = 0; round < 500; ++round) {
        std::vector<Matcher> matchers;
        for (uint64_t n = random.below(4); n > 0; --n) {
            const std::string values[] = {value() + value(), value() + ".*", "", ".*" + value(),
                                          "(" + value() + value() + ")?"};
            matchers.push_back({std::string(1, static_cast<char>('x' + random.below(3))),
                                static_cast<Kind>(random.below(4)), values[random.below(5)]});
        }
        const auto set = compile_matchers(matchers);
        ASSERT_TRUE(set);
        Slots expected;
        for (Slot slot = 0; slot < all.size(); ++slot)
            if (matches(*set, all[slot])) expected.push_back(slot);
        ASSERT_EQ(index.select(*set), expected) << round;
    }
}

}  // namespace
}  // namespace glassgate::store
