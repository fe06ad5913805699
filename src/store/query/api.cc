#include "store/query/api.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "base/clock.h"
#include "store/query/duration.h"
#include "store/query/number_text.h"
#include "store/query/parser.h"
#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

constexpr double kTimeMaxMs = 9007199254740992.0;  // 2^53

std::unexpected<QueryError> bad_data(std::string message) {
    return std::unexpected(QueryError{ErrorKind::bad_data, std::move(message)});
}

std::unexpected<QueryError> invalid_parameter(std::string_view name, const std::string& message) {
    return bad_data("invalid parameter " + quoted(name) + ": " + message);
}

// `digits` digits off the front of the text; -1 when there are others.
int take_digits(std::string_view& text, std::size_t digits) {
    int value = -1;
    if (text.size() < digits) return -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
    if (error != std::errc{} || end != text.data() + digits || text[0] == '-') return -1;
    text.remove_prefix(digits);
    return value;
}

bool take_char(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

// Milliseconds of .123456789; 0 when there is no point.
std::optional<int64_t> take_fraction_ms(std::string_view& text) {
    if (!take_char(text, ".")) return 0;
    int64_t ms = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
        if (digits < 3) ms = ms * 10 + (text[digits] - '0');
    if (digits == 0) return std::nullopt;
    for (std::size_t i = digits; i < 3; ++i) ms *= 10;
    text.remove_prefix(digits);
    return ms;
}

// The minutes of Z, +02:00, -07:30.
std::optional<int> take_zone_minutes(std::string_view& text) {
    if (take_char(text, "Z")) return 0;
    const bool minus = text.starts_with('-');
    if (!take_char(text, "+-")) return std::nullopt;
    const int hours = take_digits(text, 2);
    if (!take_char(text, ":")) return std::nullopt;
    const int minutes = take_digits(text, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
    return (minus ? -1 : 1) * (hours * 60 + minutes);
}

std::optional<TimeMs> parse_rfc3339(std::string_view text) {
    const int year = take_digits(text, 4);
    if (!take_char(text, "-")) return std::nullopt;
    const int month = take_digits(text, 2);
    if (!take_char(text, "-")) return std::nullopt;
    const int day = take_digits(text, 2);
    if (!take_char(text, "T")) return std::nullopt;
    const int hour = take_digits(text, 2);
    if (!take_char(text, ":")) return std::nullopt;
    const int minute = take_digits(text, 2);
    if (!take_char(text, ":")) return std::nullopt;
    const int second = take_digits(text, 2);
    const auto fraction_ms = take_fraction_ms(text);
    const auto zone_minutes = take_zone_minutes(text);
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (year < 0 || month < 0 || day < 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 59 || !fraction_ms || !zone_minutes || !text.empty())
        return std::nullopt;
    const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const int64_t minutes = (days * 24 + hour) * 60 + minute - *zone_minutes;
    return (minutes * 60 + second) * 1000 + *fraction_ms;
}

Outcome<ExprPtr> parse_query(const std::string& text, bool named) {
    auto parsed = parse(text);
    if (parsed) return *std::move(parsed);
    const std::string message = parsed.error().to_text(text);
    return named ? invalid_parameter("query", message) : bad_data(message);
}

Outcome<Options> with_timeout(const QueryParameters& parameters, const Options& options) {
    Options made = options;
    if (parameters.timeout.empty()) return made;
    const auto timeout_ms = parse_step_ms(parameters.timeout);
    if (!timeout_ms) return invalid_parameter("timeout", timeout_ms.error().message);
    const auto wait_ns =
        static_cast<uint64_t>(std::clamp<int64_t>(*timeout_ms, 0, 1LL << 40)) * kNsPerMs;
    const uint64_t deadline_ns = mono_now_ns() + wait_ns;
    uint64_t& limit_ns = made.limits.deadline_ns;
    limit_ns = limit_ns == 0 ? deadline_ns : std::min(limit_ns, deadline_ns);
    return made;
}

}  // namespace

Result<TimeMs> parse_time(std::string_view text) {
    if (const auto seconds = parse_float(text)) {
        const double ms = std::round(*seconds * 1000);
        // NaN and what is out of range mean a time without samples, as in Prometheus.
        return static_cast<TimeMs>(ms >= -kTimeMaxMs && ms <= kTimeMaxMs ? ms : -kTimeMaxMs);
    }
    if (const auto time_ms = parse_rfc3339(text)) return *time_ms;
    return failure("cannot parse " + quoted(text) + " to a valid timestamp");
}

Result<int64_t> parse_step_ms(std::string_view text) {
    if (const auto seconds = parse_float(text)) {
        if (!(std::abs(*seconds) * 1e9 <= 9.223372036854775e18))
            return failure("cannot parse " + quoted(text) +
                           " to a valid duration. It overflows int64");
        return static_cast<int64_t>(*seconds * 1000);
    }
    if (const auto duration_ms = parse_duration_ms(text)) return *duration_ms;
    return failure("cannot parse " + quoted(text) + " to a valid duration");
}

Outcome<QueryResult> answer_query(const Source& source, const QueryParameters& parameters,
                                  TimeMs now_ms, const Options& options) {
    TimeMs at_ms = now_ms;
    if (!parameters.time.empty()) {
        const auto time_ms = parse_time(parameters.time);
        if (!time_ms)
            return invalid_parameter("time",
                                     "Invalid time value for 'time': " + time_ms.error().message);
        at_ms = *time_ms;
    }
    const Options limited = TRY(with_timeout(parameters, options));
    const ExprPtr expr = TRY(parse_query(parameters.query, true));
    return instant_query(source, *expr, at_ms, limited);
}

Outcome<std::string> answer_format(const std::string& expression) {
    const ExprPtr expr = TRY(parse_query(expression, true));
    return to_text(*expr);
}

Outcome<QueryResult> answer_query_range(const Source& source, const QueryParameters& parameters,
                                        const Options& options) {
    const auto start_ms = parse_time(parameters.start);
    if (!start_ms) return invalid_parameter("start", start_ms.error().message);
    const auto end_ms = parse_time(parameters.end);
    if (!end_ms) return invalid_parameter("end", end_ms.error().message);
    if (*end_ms < *start_ms)
        return invalid_parameter("end", "end timestamp must not be before start time");
    const auto step_ms = parse_step_ms(parameters.step);
    if (!step_ms) return invalid_parameter("step", step_ms.error().message);
    if (*step_ms <= 0)
        return invalid_parameter("step",
                                 "zero or negative query resolution step widths are not accepted. "
                                 "Try a positive integer");
    if ((*end_ms - *start_ms) / *step_ms > kPointsMax)
        return bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
            "resolution (?step=XX)");
    const Options limited = TRY(with_timeout(parameters, options));
    const ExprPtr expr = TRY(parse_query(parameters.query, false));
    return range_query(source, *expr, *start_ms, *end_ms, *step_ms, limited);
}

}  // namespace glassgate::store::query
