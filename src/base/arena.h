// A bump allocator for what lives exactly as long as one exchange: addresses are stable until
// reset(), which keeps the first block, so steady state allocates nothing.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace glassgate {

class Arena {
public:
    static constexpr std::size_t kFirstBlockBytes = 2048;

    [[nodiscard]] char* allocate(std::size_t size) {
        if (size > left_) grow(size);
        char* p = next_;
        next_ += size;
        left_ -= size;
        return p;
    }
    // A copy of `text` that lives until reset().
    [[nodiscard]] std::string_view keep(std::string_view text) {
        if (text.empty()) return {};
        char* p = allocate(text.size());
        std::memcpy(p, text.data(), text.size());
        return {p, text.size()};
    }
    void reset() noexcept {
        more_.clear();
        next_ = first_;
        left_ = kFirstBlockBytes;
    }

private:
    void grow(std::size_t size) {
        const std::size_t block = size > kFirstBlockBytes ? size : kFirstBlockBytes * 2;
        more_.push_back(std::make_unique<char[]>(block));
        next_ = more_.back().get();
        left_ = block;
    }
    char first_[kFirstBlockBytes];
    char* next_ = first_;
    std::size_t left_ = kFirstBlockBytes;
    std::vector<std::unique_ptr<char[]>> more_;
};

}  // namespace glassgate
