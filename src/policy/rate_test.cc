#include "policy/rate.h"

#include <gtest/gtest.h>

namespace glassgate::policy {
namespace {

TEST(Rate, EveryUnit) {
    for (const char* text : {"5/s", "5/sec", "5/second"})
        EXPECT_EQ(parse_rate(text), (Rate{5, 1000})) << text;
    for (const char* text : {"100/min", "100/minute", " 100 / min "})
        EXPECT_EQ(parse_rate(text), (Rate{100, 60'000})) << text;
    for (const char* text : {"7/h", "7/hour"})
        EXPECT_EQ(parse_rate(text), (Rate{7, 3'600'000})) << text;
    EXPECT_EQ(parse_rate("1000000/day"), (Rate{1'000'000, 86'400'000}));
}

TEST(Rate, NotARate) {
    for (const char* text :
         {"", "/", "100", "100/", "/min", "100/m", "100/Min", "-1/min", "+1/min", "1.5/min",
          "100/min/min", "100 per min", "99999999999999999999/s", "100/5min"})
        EXPECT_EQ(parse_rate(text), std::nullopt) << text;
}

TEST(Rate, Text) {
    EXPECT_EQ(rate_text({100, 60'000}), "100/min");
    EXPECT_EQ(rate_text({5, 1000}), "5/s");
    EXPECT_EQ(rate_text({5, 3'600'000}), "5/hour");
    EXPECT_EQ(rate_text({5, 86'400'000}), "5/day");
    EXPECT_EQ(rate_text({5, 1500}), "5/1500ms");
}

}  // namespace
}  // namespace glassgate::policy
