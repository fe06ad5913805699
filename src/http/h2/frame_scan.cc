#include "http/h2/frame_scan.h"

#include <algorithm>
#include <cstring>

namespace glassgate::http::h2 {

void FrameScan::look(std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        if (skip_ != 0) {
            const std::size_t n = std::min(skip_, bytes.size());
            skip_ -= n;
            bytes.remove_prefix(n);
            continue;
        }
        const std::size_t n = std::min(kHeadBytes - have_, bytes.size());
        std::memcpy(head_.data() + have_, bytes.data(), n);
        have_ += n;
        bytes.remove_prefix(n);
        if (have_ == kHeadBytes) take_head();
    }
}

void FrameScan::take_head() noexcept {
    have_ = 0;
    const auto byte = [&](std::size_t at) { return uint32_t{static_cast<uint8_t>(head_[at])}; };
    skip_ = byte(0) << 16 | byte(1) << 8 | byte(2);
    const auto id = static_cast<int32_t>((byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) &
                                         0x7fffffffu);
    const auto type = static_cast<FrameType>(byte(3));
    const bool message = type == FrameType::data || type == FrameType::headers;
    if (type == FrameType::rst_stream) reset_[resets_++ % reset_.size()] = id;
    if (message && id != 0 && std::find(reset_.begin(), reset_.end(), id) != reset_.end())
        data_behind_reset_ = id;
    if (type == FrameType::headers) open(id);
}

void FrameScan::open(int32_t id) noexcept {
    if (id % 2 == 0) return;  // the frame layer's to refuse
    if (id <= highest_) {
        went_back_ |= skipped_first_ <= id && id <= skipped_last_;
        return;
    }
    if (id - highest_ > 2) {
        skipped_first_ = highest_ + 2;
        skipped_last_ = id - 2;
    }
    highest_ = id;
}

}  // namespace glassgate::http::h2
