// Counts what a peer sends against what it is good for. Says which of the defences is needed; pure:
// the time is given. One for each connection.
#pragma once

#include <cstdint>

#include "http/h2/error.h"
#include "http/h2/limits.h"

namespace glassgate::http::h2 {

// A budget that things cost one of, that refills with time and otherwise, up to its size.
class Budget {
public:
    Budget(uint32_t size, uint32_t per_second) noexcept
        : left_(size), size_(size), per_second_(per_second) {}
    // False: overdrawn. A budget of size 0 is never overdrawn.
    [[nodiscard]] bool take(uint64_t now_ns) noexcept;
    void give() noexcept {
        if (left_ < size_) ++left_;
    }

private:
    uint32_t left_, size_, per_second_;
    uint64_t filled_ns_ = 0;
};

enum class FrameType : uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    push_promise = 5,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9,
    priority_update = 16,
};

class FloodGuard {
public:
    explicit FloodGuard(const Limits& limits) noexcept
        : limits_(limits),
          resets_(limits.reset_burst, limits.resets_per_second),
          settings_(limits.settings_burst, limits.settings_per_second),
          pings_(limits.ping_burst, limits.pings_per_second) {}

    // A frame header has been read. `length` is the payload's, padding included.
    [[nodiscard]] Violation on_frame(FrameType type, uint8_t flags, std::size_t length,
                                     uint64_t now_ns) noexcept;
    // So many bytes have come in all.
    [[nodiscard]] Violation on_bytes(std::size_t bytes) noexcept;
    // A stream is over because one side reset it, and that was the peer's doing.
    [[nodiscard]] Violation on_reset(uint64_t now_ns) noexcept;
    void on_finished() noexcept { resets_.give(); }
    // A stream above the announced limit was refused.
    [[nodiscard]] Violation on_refused() noexcept;
    void on_stream_opened() noexcept { ++streams_; }
    // A DATA frame of ours has gone out: the peer will answer with WINDOW_UPDATE, sometimes PING.
    void on_data_sent(std::size_t bytes) noexcept {
        ++data_sent_;
        payload_ += bytes;
        pings_.give();
    }

private:
    [[nodiscard]] Violation on_ended_nothing(std::size_t length) noexcept;

    Limits limits_;
    Budget resets_, settings_, pings_;
    uint64_t streams_ = 0;
    uint64_t data_sent_ = 0;
    uint64_t priority_frames_ = 0;
    uint64_t window_updates_ = 0;
    uint64_t refused_ = 0;
    uint64_t bytes_ = 0;
    uint64_t payload_ = 0;
    uint32_t continuations_ = 0;  // of the header block under way
    uint32_t empty_frames_ = 0;   // in a row
};

}  // namespace glassgate::http::h2
