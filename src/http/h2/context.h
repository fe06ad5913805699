// Context: what all HTTP/2 sessions of one worker share, so that each is small and what one gives
// back the next can use. For one thread; must outlive its sessions.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "http/h2/memory.h"
#include "io/buffer.h"

struct nghttp2_session_callbacks;
struct nghttp2_option;

namespace glassgate::http::h2 {

class FieldBlock;
class Stream;

class Context {
public:
    explicit Context(io::BufferPool& buffers);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    [[nodiscard]] MemoryPool& memory() noexcept { return memory_; }

private:
    friend class Session;
    friend struct Callbacks;
    [[nodiscard]] std::unique_ptr<Stream> take_stream();
    void give_stream(std::unique_ptr<Stream> stream);
    [[nodiscard]] std::unique_ptr<FieldBlock> take_block();
    void give_block(std::unique_ptr<FieldBlock> block);

    io::BufferPool& buffers_;
    MemoryPool memory_;
    nghttp2_session_callbacks* callbacks_ = nullptr;
    nghttp2_option* options_ = nullptr;
    std::vector<std::unique_ptr<Stream>> free_streams_;
    std::vector<std::unique_ptr<FieldBlock>> free_blocks_;
};

}  // namespace glassgate::http::h2
