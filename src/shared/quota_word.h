// One rate-limit window as one 64-bit word: when it began (38 bits of ms) and how many requests it
// has seen (26 bits, refused ones included). Pure arithmetic; QuotaSpace swaps the words.
//
// A window begins with the first request of its key and lasts one period (a fixed window that is
// not aligned to the wall clock). Count 0 means that there is no window.
//
// Each worker reads its own copy of the clock, a few ms apart. A begin that lies in the reader's
// future is taken for "just now", so skew can lengthen a window by its own size but never opens a
// second one. Time wraps after 8.7 years; a word would have to lie untouched for half of that to be
// misread.
#pragma once

#include <cstdint>

namespace glassgate::shared {

struct QuotaWord {
    static constexpr unsigned kCountBits = 26;
    static constexpr uint64_t kMaxCount = (uint64_t{1} << kCountBits) - 1;
    static constexpr uint64_t kTimeMask = (uint64_t{1} << (64 - kCountBits)) - 1;

    [[nodiscard]] static constexpr uint64_t pack(uint64_t began_ms, uint64_t count) noexcept {
        return (began_ms & kTimeMask) << kCountBits | count;
    }
    [[nodiscard]] static constexpr uint64_t count(uint64_t word) noexcept {
        return word & kMaxCount;
    }
    [[nodiscard]] static constexpr uint64_t age_ms(uint64_t word, uint64_t now_ms) noexcept {
        const uint64_t age = (now_ms - (word >> kCountBits)) & kTimeMask;
        return age > kTimeMask / 2 ? 0 : age;
    }
    [[nodiscard]] static constexpr bool over(uint64_t word, uint64_t period_ms,
                                             uint64_t now_ms) noexcept {
        return count(word) == 0 || age_ms(word, now_ms) >= period_ms;
    }
    // The word after one more request. Later in the order (began, count) than `word`, whatever the
    // clock says; or equal to it when the count is saturated.
    [[nodiscard]] static constexpr uint64_t after_request(uint64_t word, uint64_t period_ms,
                                                          uint64_t now_ms) noexcept {
        if (count(word) == 0 && age_ms(word, now_ms) == 0)
            return word + 1;  // now, or a clock that lags
        if (over(word, period_ms, now_ms)) return pack(now_ms, 1);
        return count(word) == kMaxCount ? word : word + 1;
    }
};

}  // namespace glassgate::shared
