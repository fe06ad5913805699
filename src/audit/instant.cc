#include "audit/instant.h"

#include <chrono>

#include "base/clock.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

bool digits_at(std::string_view text, std::size_t at, std::size_t count, unsigned& out) noexcept {
    const std::string_view part = text.substr(at, count);
    out = 0;
    for (const char c : part) {
        if (c < '0' || c > '9') return false;
        out = out * 10 + static_cast<unsigned>(c - '0');
    }
    return part.size() == count;
}

std::optional<uint64_t> parse_date(std::string_view text) noexcept {
    unsigned year = 0, month = 0, day = 0;
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    if (!digits_at(text, 0, 4, year) || !digits_at(text, 5, 2, month) ||
        !digits_at(text, 8, 2, day))
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                           std::chrono::month(month), std::chrono::day(day)};
    if (!date.ok() || year < 1970) return std::nullopt;
    const auto since = std::chrono::sys_days(date).time_since_epoch();
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
}

// "2026-11-27T09:14:22" -> seconds.
std::optional<uint64_t> parse_seconds(std::string_view text) noexcept {
    unsigned hour = 0, minute = 0, second = 0;
    if (text.size() != 19 || text[10] != 'T' || text[13] != ':' || text[16] != ':')
        return std::nullopt;
    if (!digits_at(text, 11, 2, hour) || !digits_at(text, 14, 2, minute) ||
        !digits_at(text, 17, 2, second) || hour > 23 || minute > 59 || second > 59)
        return std::nullopt;
    const auto day = parse_date(text.substr(0, 10));
    if (!day) return std::nullopt;
    return *day + hour * 3600u + minute * 60u + second;
}

}  // namespace

void append_instant(std::string& out, uint64_t wall_ns) {
    append_iso8601_ms(out, wall_ns);
    out.pop_back();  // 'Z'
    const auto micros = static_cast<unsigned>(wall_ns / 1000 % 1000);
    const char digits[] = {static_cast<char>('0' + micros / 100),
                           static_cast<char>('0' + micros / 10 % 10),
                           static_cast<char>('0' + micros % 10), 'Z'};
    out.append(digits, sizeof digits);
}

std::string instant(uint64_t wall_ns) {
    std::string out;
    append_instant(out, wall_ns);
    return out;
}

std::optional<uint64_t> parse_instant(std::string_view text) noexcept {
    unsigned micros = 0;
    if (text.size() != kInstantBytes || text[19] != '.' || text[26] != 'Z') return std::nullopt;
    if (!digits_at(text, 20, 6, micros)) return std::nullopt;
    const auto seconds = parse_seconds(text.substr(0, 19));
    if (!seconds) return std::nullopt;
    return *seconds * kNsPerSecond + micros * 1000u;
}

std::optional<uint64_t> parse_loose_instant(std::string_view text) noexcept {
    if (text.size() == 10) {
        const auto day = parse_date(text);
        return day ? std::optional(*day * kNsPerSecond) : std::nullopt;
    }
    if (text.size() < 20 || text.back() != 'Z') return std::nullopt;
    const auto seconds = parse_seconds(text.substr(0, 19));
    if (!seconds) return std::nullopt;
    uint64_t ns = *seconds * kNsPerSecond, unit = kNsPerSecond / 10;
    std::string_view decimals = text.substr(19, text.size() - 20);
    if (decimals.empty()) return ns;
    if (decimals.front() != '.' || decimals.size() < 2 || decimals.size() > 10) return std::nullopt;
    for (const char c : decimals.substr(1)) {
        if (c < '0' || c > '9') return std::nullopt;
        ns += static_cast<uint64_t>(c - '0') * unit;
        unit /= 10;
    }
    return ns;
}

}  // namespace glassgate::audit
