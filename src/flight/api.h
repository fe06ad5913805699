// What the recorder answers to questions that come as text: over HTTP (/api/exchanges) and to the
// command line with the files of a dead gateway. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "flight/filter/filter.h"
#include "flight/ring.h"

namespace glassgate::flight {

enum class View : uint8_t { json, text };

struct Question {
    std::string where;     // a filter; empty: everything
    std::string from, to;  // read_time(); empty: no bound
    std::string last;      // "10m": from so long before now
    std::size_t limit = 100;
    uint64_t before = UINT64_MAX;  // records with a smaller sequence only: the next page
    bool oldest_first = false;     // order of what is shown; which are chosen does not depend on it
    View view = View::json;
};
inline constexpr std::size_t kQuestionLimitMax = 10'000;

struct Answer {
    uint16_t status = 200;
    std::string content_type;
    std::string body;
};

// RFC 3339, Unix seconds (with a fraction), or a duration before now ("10m", "2h30m").
[[nodiscard]] std::optional<uint64_t> read_time(std::string_view text, uint64_t now_wall_ns);
[[nodiscard]] std::optional<uint64_t> read_duration_ns(std::string_view text);

// By when they ended: the sequence is that of arrival, where two workers may pass each other.
void order_by_time(std::vector<Record>& records, bool oldest_first);

// The newest `limit` records that match. JSON: {"records", "more", "next", "looked_at",
// "recorder"}; text: a line each (format of tail). Takes at most `patience_ms`.
[[nodiscard]] Answer list(const Ring& ring, const Question& question, uint64_t now_wall_ns,
                          uint32_t patience_ms = 10'000);
// All records of that request id (or, where nothing has it, trace id), the newest first. 404 if
// there is none.
[[nodiscard]] Answer show(const Ring& ring, std::string_view id, View view, unsigned width = 100);

[[nodiscard]] Answer problem(uint16_t status, std::string_view message);
// 400 with message, column and a caret.
[[nodiscard]] Answer problem(const FilterError& error, std::string_view filter);
// {"records","bytes",...}: what the ring holds and what was found damaged.
[[nodiscard]] std::string stats_json(const RingStats& stats);

}  // namespace glassgate::flight
