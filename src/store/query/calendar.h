// Calendar parts of a Unix time, as Go's time package computes them (UTC, proleptic Gregorian), for
// any number at all.
#pragma once

#include <cstdint>

namespace glassgate::store::query {

struct CalendarTime {
    int64_t year = 0;
    int month = 0;        // 1 .. 12
    int day = 0;          // 1 .. 31
    int day_of_year = 0;  // 1 .. 366
    int day_of_week = 0;  // 0 is Sunday
    int hour = 0;
    int minute = 0;
    int days_in_month = 0;
};

[[nodiscard]] CalendarTime calendar_time(int64_t unix_s) noexcept;

// The value as seconds; what does not fit, and NaN, is the least number.
[[nodiscard]] int64_t to_seconds(double value) noexcept;

}  // namespace glassgate::store::query
