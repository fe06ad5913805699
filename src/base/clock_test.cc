#include "base/clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace glassgate {
namespace {

std::string iso(uint64_t wall_ns) {
    std::string text = ">";
    append_iso8601_ms(text, wall_ns);
    return text.substr(1);
}
std::string date(uint64_t wall_ns) {
    std::string text = ">";
    append_http_date(text, wall_ns);
    return text.substr(1);
}

TEST(Clock, KnownDays) {
    EXPECT_EQ(iso(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(date(784'111'777 * kNsPerSecond), "Sun, 06 Nov 1994 08:49:37 GMT")
        << "the example of RFC 9110";
    EXPECT_EQ(iso(951'827'696 * kNsPerSecond), "2000-02-29T12:34:56.000Z") << "a leap day";
    EXPECT_EQ(iso(1'735'689'599 * kNsPerSecond + 999'999'999), "2024-12-31T23:59:59.999Z")
        << "never rounded up";
    EXPECT_EQ(iso(4'102'444'800 * kNsPerSecond), "2100-01-01T00:00:00.000Z");
}

TEST(Clock, TheCachedSecondIsNotStale) {
    const uint64_t t = 1'795'770'862 * kNsPerSecond;
    EXPECT_EQ(iso(t + 1 * kNsPerMs), "2026-11-27T09:14:22.001Z");
    EXPECT_EQ(iso(t + 999 * kNsPerMs), "2026-11-27T09:14:22.999Z");
    EXPECT_EQ(iso(t + 1000 * kNsPerMs), "2026-11-27T09:14:23.000Z");
    EXPECT_EQ(iso(t), "2026-11-27T09:14:22.000Z") << "time may be asked for out of order";
    std::string other;
    std::thread([&] { append_http_date(other, t); }).join();
    EXPECT_EQ(other, "Fri, 27 Nov 2026 09:14:22 GMT");
}

TEST(Clock, LengthsAreFixed) {
    for (uint64_t day = 0; day < 800; ++day) {
        EXPECT_EQ(iso(day * 86'400 * kNsPerSecond + day).size(), 24u);
        EXPECT_EQ(date(day * 86'400 * kNsPerSecond).size(), 29u);
    }
}

TEST(Clock, MonotonicNeverGoesBack) {
    uint64_t last = mono_now_ns();
    for (int i = 0; i < 1000; ++i) {
        const uint64_t now = mono_now_ns();
        EXPECT_GE(now, last);
        last = now;
    }
    EXPECT_GT(wall_now_ns(), 1'700'000'000 * kNsPerSecond);
}

}  // namespace
}  // namespace glassgate
