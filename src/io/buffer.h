// Buffer: a block of bytes read from a socket and not yet used. Blocks come from a per-thread pool,
// last in first out, so that a connection that waits holds none and a busy one holds a warm one.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace glassgate::io {

class BufferPool {
public:
    static constexpr std::size_t kSmallBytes = 20 * 1024;  // a head and 16 KiB: one read
    static constexpr std::size_t kLargeBytes =
        72 * 1024;  // a head at its hard limit, and some body

    [[nodiscard]] std::unique_ptr<char[]> take(std::size_t bytes) {
        auto& list = bytes == kSmallBytes ? small_ : large_;
        if (list.empty()) return std::make_unique_for_overwrite<char[]>(bytes);
        auto block = std::move(list.back());
        list.pop_back();
        return block;
    }
    void give(std::unique_ptr<char[]> block, std::size_t bytes) {
        auto& list = bytes == kSmallBytes ? small_ : large_;
        if (list.size() < kKeep) list.push_back(std::move(block));
    }

private:
    static constexpr std::size_t kKeep = 256;
    std::vector<std::unique_ptr<char[]>> small_, large_;
};

class Buffer {
public:
    explicit Buffer(BufferPool& pool) noexcept : pool_(&pool) {}
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { release(); }

    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    [[nodiscard]] std::string_view view() const noexcept {
        return {block_.get() + begin_, end_ - begin_};
    }
    void consume(std::size_t bytes) noexcept {
        begin_ += bytes;
        if (begin_ == end_) begin_ = end_ = 0;
    }

    // Room to read into; takes a block when there is none.
    [[nodiscard]] char* room() {
        if (!block_) {
            capacity_ = BufferPool::kSmallBytes;
            block_ = pool_->take(capacity_);
        }
        return block_.get() + end_;
    }
    [[nodiscard]] std::size_t room_bytes() const noexcept { return capacity_ - end_; }
    void produced(std::size_t bytes) noexcept { end_ += bytes; }

    // Moves to a large block, unread bytes to its front. For heads that do not fit and bulk bodies.
    void enlarge() {
        if (capacity_ == BufferPool::kLargeBytes) {
            compact();
            return;
        }
        auto larger = pool_->take(BufferPool::kLargeBytes);
        const std::string_view unread = view();
        if (!unread.empty()) std::memcpy(larger.get(), unread.data(), unread.size());
        const std::size_t size = unread.size();
        release();
        block_ = std::move(larger);
        capacity_ = BufferPool::kLargeBytes;
        end_ = size;
    }
    void compact() noexcept {
        if (begin_ == 0) return;
        std::memmove(block_.get(), block_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    // Gives the block back; what is unread is gone.
    void release() noexcept {
        if (block_) pool_->give(std::move(block_), capacity_);
        begin_ = end_ = capacity_ = 0;
    }

private:
    BufferPool* pool_;
    std::unique_ptr<char[]> block_;
    std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace glassgate::io
