// The two clocks. Durations come from the monotonic one only; the wall clock only labels.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

namespace glassgate {

// Nanoseconds since an arbitrary fixed point; never goes back. About 23 ns a call.
[[nodiscard]] inline uint64_t mono_now_ns() noexcept {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

// Nanoseconds since the Unix epoch, UTC.
[[nodiscard]] inline uint64_t wall_now_ns() noexcept {
    timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

// Appends ISO-8601 UTC with milliseconds: 2026-11-27T09:14:22.123Z (24 characters).
void append_iso8601_ms(std::string& out, uint64_t wall_ns);

// HTTP's Date format (RFC 9110 §5.6.7): Fri, 27 Nov 2026 09:14:22 GMT (29 characters).
void append_http_date(std::string& out, uint64_t wall_ns);

inline constexpr uint64_t kNsPerMs = 1'000'000;
inline constexpr uint64_t kNsPerSecond = 1'000'000'000;

}  // namespace glassgate
