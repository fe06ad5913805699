// A record for people and for programs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flight/record.h"

namespace glassgate::flight {

// A part of an exchange's time, in ms from its first byte.
struct Phase {
    std::string name;  // "request head", "attempt 1", "wait"
    std::string note;  // "product-service 10.0.0.7:3000, reused: 503"
    double from_ms = 0, to_ms = 0;
    unsigned depth = 0;  // 1: part of the one before it that has 0
};
[[nodiscard]] std::vector<Phase> phases_of(const Record& record);

// The log line it had, without its '\n': JSON or text, as its plan says.
[[nodiscard]] std::string log_line_of(const Record& record);

// A JSON object, in one line: what the record has, and `line`, its log line as an object.
void append_json(const Record& record, std::string& out);

// One line: time, level, method, path, status, duration, and what tells it from others.
void append_short_line(const Record& record, std::string& out);

// Head, facts, phases as bars, policies, log line; lines of `width` at most but for the log line.
[[nodiscard]] std::string waterfall(const Record& record, unsigned width);

}  // namespace glassgate::flight
