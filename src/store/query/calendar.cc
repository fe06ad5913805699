#include "store/query/calendar.h"

#include <limits>

namespace glassgate::store::query {
namespace {

// Days are counted from a year so early that they are never negative; like Go's, the count wraps.
constexpr int64_t kFirstYear = -292277022399;
constexpr uint64_t kSecondsPerDay = 86400;
constexpr uint64_t kDaysPer400Years = 365 * 400 + 97;
constexpr uint64_t kDaysPer100Years = 365 * 100 + 24;
constexpr uint64_t kDaysPer4Years = 365 * 4 + 1;
constexpr int kDaysBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

constexpr uint64_t seconds_from_first_year_to_1970() noexcept {
    // From the first year to year 1 are whole periods of 400 years: 365.2425 days a year.
    const uint64_t to_year_1 = static_cast<uint64_t>((1 - kFirstYear) / 400) * kDaysPer400Years;
    const uint64_t to_1970 = 1969 * 365 + 1969 / 4 - 1969 / 100 + 1969 / 400;
    return (to_year_1 + to_1970) * kSecondsPerDay;
}

bool leap(int64_t year) noexcept { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

}  // namespace

int64_t to_seconds(double value) noexcept {
    constexpr double kMost = 9223372036854775808.0;  // 2^63
    if (!(value < kMost && value >= -kMost)) return std::numeric_limits<int64_t>::min();
    return static_cast<int64_t>(value);
}

CalendarTime calendar_time(int64_t unix_s) noexcept {
    const uint64_t seconds = static_cast<uint64_t>(unix_s) + seconds_from_first_year_to_1970();
    uint64_t days = seconds / kSecondsPerDay;
    CalendarTime out;
    out.hour = static_cast<int>(seconds % kSecondsPerDay / 3600);
    out.minute = static_cast<int>(seconds % 3600 / 60);
    out.day_of_week = static_cast<int>((days + 1) % 7);  // the first day was a Monday

    uint64_t year = days / kDaysPer400Years * 400;
    days %= kDaysPer400Years;
    // The last century and the last year of a period are a day longer.
    uint64_t n = days / kDaysPer100Years;
    n -= n >> 2;
    year += n * 100;
    days -= n * kDaysPer100Years;
    n = days / kDaysPer4Years;
    year += n * 4;
    days -= n * kDaysPer4Years;
    n = days / 365;
    n -= n >> 2;
    year += n;
    days -= n * 365;

    out.year = static_cast<int64_t>(year) + kFirstYear;
    out.day_of_year = static_cast<int>(days) + 1;
    const bool is_leap = leap(out.year);
    int day = static_cast<int>(days);
    for (int month = 1; month <= 12; ++month) {
        const int length = kDaysBefore[month] - kDaysBefore[month - 1] + (is_leap && month == 2);
        if (day < length) {
            out.month = month;
            out.day = day + 1;
            out.days_in_month = length;
            break;
        }
        day -= length;
    }
    return out;
}

}  // namespace glassgate::store::query
