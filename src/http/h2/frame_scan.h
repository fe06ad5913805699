// FrameScan: a server's look at the heads of the frames that come, before the frame layer takes
// them in. It passes over silently what it ignores: a message on a stream that the client reset,
// and HEADERS with the number of a stream that was skipped. RFC 9113 wants an error of both (§5.1,
// §5.1.1). Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h2/flood_guard.h"

namespace glassgate::http::h2 {

class FrameScan {
public:
    // `preface`: so many bytes come before the first frame.
    explicit FrameScan(std::size_t preface) noexcept : skip_(preface) {}

    // All bytes that come, in any pieces.
    void look(std::string_view bytes) noexcept;
    // Stream 1 has been opened without HEADERS.
    void upgraded() noexcept { highest_ = 1; }

    // Since the last call: one for which DATA or HEADERS came behind the client's RST_STREAM; 0:
    // none.
    [[nodiscard]] int32_t take_data_behind_reset() noexcept {
        const int32_t id = data_behind_reset_;
        data_behind_reset_ = 0;
        return id;
    }
    // HEADERS for a stream with a number below that of a stream opened before, never opened itself.
    [[nodiscard]] bool went_back() const noexcept { return went_back_; }

private:
    static constexpr std::size_t kHeadBytes = 9;
    void take_head() noexcept;
    void open(int32_t id) noexcept;

    std::size_t skip_;  // bytes up to the next frame's head
    std::array<char, kHeadBytes> head_;
    std::size_t have_ = 0;  // bytes of it
    // The streams that the client has reset last. It seldom resets many and then forgets.
    std::array<int32_t, 4> reset_{};
    std::size_t resets_ = 0;
    int32_t highest_ = -1;
    int32_t skipped_first_ = 0, skipped_last_ = 0;  // by the stream that skipped some last
    int32_t data_behind_reset_ = 0;
    bool went_back_ = false;
};

}  // namespace glassgate::http::h2
