#include "base/clock.h"

#include <cstdio>

namespace glassgate {
namespace {

// Both formats change once a second at most; converting is cached per thread.
struct CachedSecond {
    time_t second = -1;
    tm parts{};
};

const tm& utc_parts(time_t second) {
    thread_local CachedSecond cached;
    if (cached.second != second) {
        gmtime_r(&second, &cached.parts);
        cached.second = second;
    }
    return cached.parts;
}

void append_2(std::string& out, int value) {
    out += static_cast<char>('0' + value / 10 % 10);
    out += static_cast<char>('0' + value % 10);
}

constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void append_year(std::string& out, int year) {
    append_2(out, year / 100);
    append_2(out, year % 100);
}

void append_time(std::string& out, const tm& t) {
    append_2(out, t.tm_hour);
    out += ':';
    append_2(out, t.tm_min);
    out += ':';
    append_2(out, t.tm_sec);
}

}  // namespace

void append_iso8601_ms(std::string& out, uint64_t wall_ns) {
    const tm& t = utc_parts(static_cast<time_t>(wall_ns / kNsPerSecond));
    append_year(out, t.tm_year + 1900);
    out += '-';
    append_2(out, t.tm_mon + 1);
    out += '-';
    append_2(out, t.tm_mday);
    out += 'T';
    append_time(out, t);
    const int ms = static_cast<int>(wall_ns / kNsPerMs % 1000);
    out += '.';
    out += static_cast<char>('0' + ms / 100);
    append_2(out, ms % 100);
    out += 'Z';
}

void append_http_date(std::string& out, uint64_t wall_ns) {
    const tm& t = utc_parts(static_cast<time_t>(wall_ns / kNsPerSecond));
    out += kDays[t.tm_wday];
    out += ", ";
    append_2(out, t.tm_mday);
    out += ' ';
    out += kMonths[t.tm_mon];
    out += ' ';
    append_year(out, t.tm_year + 1900);
    out += ' ';
    append_time(out, t);
    out += " GMT";
}

}  // namespace glassgate
