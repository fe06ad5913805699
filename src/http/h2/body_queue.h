// BodyQueue: received bytes of a body, until they are used. What it has shown stays where it is
// while more comes, so that it can be lent to a socket or another stream meanwhile.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "io/buffer.h"

namespace glassgate::http::h2 {

class BodyQueue {
public:
    explicit BodyQueue(io::BufferPool& pool) noexcept : pool_(pool) {}
    ~BodyQueue() { clear(); }
    BodyQueue(const BodyQueue&) = delete;
    BodyQueue& operator=(const BodyQueue&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    // The first bytes, as far as they lie in one piece; empty only if all is.
    [[nodiscard]] std::string_view front() const noexcept;

    void append(std::string_view bytes);
    // The first `bytes` bytes, at most size(), are gone.
    void consume(std::size_t bytes) noexcept;
    void clear() noexcept { consume(size_); }

private:
    struct Block {
        std::unique_ptr<char[]> memory;
        std::size_t begin = 0, end = 0;
    };
    static constexpr std::size_t kBlockBytes = io::BufferPool::kSmallBytes;

    io::BufferPool& pool_;
    std::vector<Block> blocks_;  // none is empty
    std::size_t size_ = 0;
};

}  // namespace glassgate::http::h2
