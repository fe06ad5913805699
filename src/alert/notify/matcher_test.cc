#include "alert/notify/matcher.h"

#include <gtest/gtest.h>

namespace glassgate::alert {
namespace {

TEST(LabelMatcher, ReadsAlertmanagersNotation) {
    const auto all =
        LabelMatcher::parse_all(R"({severity="crit,ical", route=~"cart|checkout",a!=b,c!~"x.*"})");
    ASSERT_TRUE(all) << all.error().message;
    ASSERT_EQ(all->size(), 4u);
    EXPECT_EQ((*all)[0].value(), "crit,ical");
    EXPECT_TRUE((*all)[1].is_regex());
    EXPECT_FALSE((*all)[2].is_equal());
    EXPECT_EQ((*all)[3].to_text(), "c!~\"x.*\"");
    EXPECT_TRUE(all_match(*all, {{"route", "cart"}, {"severity", "crit,ical"}}));
    EXPECT_FALSE(all_match(*all, {{"route", "cartx"}, {"severity", "crit,ical"}}));
    EXPECT_FALSE(all_match(*all, {{"c", "xy"}, {"route", "cart"}, {"severity", "crit,ical"}}));
}

TEST(LabelMatcher, RefusesWhatIsNone) {
    for (const char* const text : {"a", "=b", "a=~\"(\"", "a-b=c", "{a=\"b\"", "a=\"b"})
        EXPECT_FALSE(LabelMatcher::parse_all(text)) << text;
}

}  // namespace
}  // namespace glassgate::alert
