// Numbers, durations and string literals as text.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "store/query/calendar.h"
#include "store/query/duration.h"
#include "store/query/number_text.h"
#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string fixed(double value) {
    std::string out;
    append_fixed(out, value);
    return out;
}

std::string api(double value) {
    std::string out;
    append_api_value(out, value);
    return out;
}

TEST(NumberText, fixed_has_no_exponent) {
    EXPECT_EQ(fixed(0), "0");
    EXPECT_EQ(fixed(-0.0), "-0");
    EXPECT_EQ(fixed(1.5), "1.5");
    EXPECT_EQ(fixed(-12345), "-12345");
    EXPECT_EQ(fixed(0.1 + 0.2), "0.30000000000000004");
    EXPECT_EQ(fixed(1e-7), "0.0000001");
    EXPECT_EQ(fixed(1e23), "100000000000000000000000");
    EXPECT_EQ(fixed(9007199254740993e3), "9007199254740993000");
    EXPECT_EQ(fixed(kInfinity), "+Inf");
    EXPECT_EQ(fixed(-kInfinity), "-Inf");
    EXPECT_EQ(fixed(std::nan("")), "NaN");
}

TEST(NumberText, the_api_uses_exponents_at_the_extremes) {
    EXPECT_EQ(api(1e-6), "0.000001");
    EXPECT_EQ(api(1e-7), "1e-07");
    EXPECT_EQ(api(1e20), "100000000000000000000");
    EXPECT_EQ(api(-1e21), "-1e+21");
    EXPECT_EQ(api(0), "0");
}

TEST(NumberText, general) {
    EXPECT_EQ(general_text(1e6), "1e+06");
    EXPECT_EQ(general_text(123456), "123456");
    EXPECT_EQ(general_text(0.0001), "0.0001");
    EXPECT_EQ(general_text(0.00001), "1e-05");
    EXPECT_EQ(general_text(-kInfinity), "-Inf");
}

TEST(NumberText, literals) {
    EXPECT_EQ(parse_number("0x1F"), 31);
    EXPECT_EQ(parse_number("010"), 8);
    EXPECT_EQ(parse_number("09"), 9);
    EXPECT_EQ(parse_number("1e3"), 1000);
    EXPECT_EQ(parse_number("99999999999999999999"), 1e20);
    EXPECT_EQ(parse_number("1e-400"), 0);
    EXPECT_EQ(parse_number("inF"), kInfinity);
    EXPECT_TRUE(std::isnan(*parse_number("NAN")));
    for (const char* text : {"", "1e", "0x", "0x1.8", "1e400", "1_0", "0xFFFFFFFFFFFFFFFF", "1 "})
        EXPECT_FALSE(parse_number(text)) << text;
    EXPECT_EQ(parse_float("+Inf"), kInfinity);
    EXPECT_EQ(parse_float("0x1p-2"), 0.25);
    EXPECT_FALSE(parse_float("+nan"));
    EXPECT_FALSE(parse_float("++1"));
}

TEST(Duration, reads_units_in_their_order) {
    EXPECT_EQ(*parse_duration_ms("1h30m"), 5'400'000);
    EXPECT_EQ(*parse_duration_ms("250ms"), 250);
    EXPECT_EQ(*parse_duration_ms("1y2w3d4h5m6s7ms"), 33'019'506'007);
    EXPECT_EQ(*parse_duration_ms("0"), 0);
    for (const char* text : {"", "5", "m", "1m1h", "1m1m", "1.5h", "-1m", "1h ", "5x"})
        EXPECT_FALSE(parse_duration_ms(text)) << text;
    EXPECT_EQ(parse_duration_ms("300y").error().message, "duration out of range");
    EXPECT_EQ(parse_duration_ms("99999999999999999999s").error().message, "duration out of range");
}

TEST(Duration, canonical) {
    EXPECT_EQ(duration_text(0), "0s");
    EXPECT_EQ(duration_text(90'000), "1m30s");
    EXPECT_EQ(duration_text(7 * 86'400'000LL), "1w");
    EXPECT_EQ(duration_text(90 * 86'400'000LL), "90d");
    EXPECT_EQ(duration_text(1001), "1s1ms");
}

TEST(StringLiteral, escapes) {
    EXPECT_EQ(unquote(R"("a\n\t\"\\\x41\101\u00fc")"), "a\n\t\"\\AA\xc3\xbc");
    EXPECT_EQ(unquote(R"('it\'s "so"')"), "it's \"so\"");
    EXPECT_EQ(unquote("`raw \\n`"), "raw \\n");
    EXPECT_EQ(unquote(R"("\xff")"), "\xff");
    for (const char* text : {"\"", "\"a'", R"("\'")", R"("\q")", R"("\400")", "a"})
        EXPECT_FALSE(unquote(text)) << text;
    EXPECT_EQ(quoted("a\"\\\n\x01\xff\xc3\xbc"), R"("a\"\\\n\x01\xff)"
                                                 "\xc3\xbc\"");
}

TEST(Calendar, any_second) {
    const CalendarTime leap = calendar_time(951'782'400);  // 2000-02-29
    EXPECT_EQ(leap.year, 2000);
    EXPECT_EQ(leap.month, 2);
    EXPECT_EQ(leap.day, 29);
    EXPECT_EQ(leap.day_of_year, 60);
    EXPECT_EQ(leap.day_of_week, 2);
    EXPECT_EQ(leap.days_in_month, 29);
    const CalendarTime before = calendar_time(-1);
    EXPECT_EQ(before.year, 1969);
    EXPECT_EQ(before.hour, 23);
    EXPECT_EQ(before.minute, 59);
    EXPECT_EQ(before.day_of_week, 3);
    EXPECT_EQ(calendar_time(4'107'542'399).month, 2);  // 2100-02-28, no leap year
    EXPECT_EQ(calendar_time(4'107'542'400).day, 1);
    EXPECT_EQ(to_seconds(std::nan("")), std::numeric_limits<int64_t>::min());
    EXPECT_EQ(calendar_time(to_seconds(kInfinity)).year, 292277026596);
}

}  // namespace
}  // namespace glassgate::store::query
