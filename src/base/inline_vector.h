// A vector with a fixed capacity stored in place. Trivially copyable when T is, so it can live in
// records that are copied as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/check.h"

namespace glassgate {

template <typename T, std::size_t Capacity>
class InlineVector {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    // Items are not touched before they are pushed: an empty one costs one store.
    InlineVector() noexcept {}  // NOLINT(modernize-use-equals-default): `= default` is deleted here

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] bool full() const noexcept { return size_ == Capacity; }
    [[nodiscard]] static constexpr std::size_t capacity() noexcept { return Capacity; }

    // False, and nothing added, when full: the caller counts what it leaves out.
    bool push_back(const T& item) noexcept {
        if (full()) return false;
        items_[size_++] = item;
        return true;
    }
    void clear() noexcept { size_ = 0; }

    T& operator[](std::size_t i) noexcept { return items_[i]; }
    const T& operator[](std::size_t i) const noexcept { return items_[i]; }
    T& back() noexcept { return items_[size_ - 1]; }
    const T& back() const noexcept { return items_[size_ - 1]; }
    T* begin() noexcept { return items_; }
    T* end() noexcept { return items_ + size_; }
    const T* begin() const noexcept { return items_; }
    const T* end() const noexcept { return items_ + size_; }

private:
    uint32_t size_ = 0;
    union {
        T items_[Capacity];
    };
};

}  // namespace glassgate
