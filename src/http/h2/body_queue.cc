#include "http/h2/body_queue.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace glassgate::http::h2 {

std::string_view BodyQueue::front() const noexcept {
    if (blocks_.empty()) return {};
    const Block& block = blocks_.front();
    return {block.memory.get() + block.begin, block.end - block.begin};
}

void BodyQueue::append(std::string_view bytes) {
    while (!bytes.empty()) {
        if (blocks_.empty() || blocks_.back().end == kBlockBytes)
            blocks_.push_back({pool_.take(kBlockBytes), 0, 0});
        Block& block = blocks_.back();
        const std::size_t n = std::min(bytes.size(), kBlockBytes - block.end);
        std::memcpy(block.memory.get() + block.end, bytes.data(), n);
        block.end += n;
        size_ += n;
        bytes.remove_prefix(n);
    }
}

void BodyQueue::consume(std::size_t bytes) noexcept {
    GW_CHECK(bytes <= size_);
    size_ -= bytes;
    std::size_t used_up = 0;
    for (; used_up < blocks_.size() && bytes >= blocks_[used_up].end - blocks_[used_up].begin;
         ++used_up) {
        Block& block = blocks_[used_up];
        bytes -= block.end - block.begin;
        pool_.give(std::move(block.memory), kBlockBytes);
    }
    if (used_up != 0)
        blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(used_up));
    if (bytes != 0) blocks_.front().begin += bytes;
}

}  // namespace glassgate::http::h2
