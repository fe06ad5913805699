// QuotaSpace: the windows of one rate limit, one per key, exact over all workers, in bounded
// memory.
//
// A table of buckets of eight slots; a key may lie in one of two buckets. A slot is the key's
// 128-bit keyed hash (its identity, see sip_hash.h) and one QuotaWord. A known key costs no lock
// and no allocation: find the slot, one compare-and-swap. An unknown key takes the mutex once.
//
// Proof that exactly `limit` requests per window and key are admitted.
//  (1) Every change of a slot's word makes it later in the order (began, count): a request adds one
//      or begins a window after one that is over; vacating writes (now, 0) over a window that is
//      over. Words with a key are changed by compare-and-swap. So a word never returns to an
//      earlier value, and a swap whose expectation is stale fails.
//  (2) Takes of one slot are therefore totally ordered and leave distinct counts within a window;
//      a take is admitted iff the count it leaves is at most the limit.
//  (3) A take never counts in a slot that has gone to another key. Whoever vacates a slot first
//      clears its identity, then swaps the word (release); a new owner writes its first word, then
//      its identity (release). A taker loads the word (acquire), then checks the identity
//      (acquire), then swaps. If it loaded the word after the vacating swap, it sees a cleared or a
//      new identity and leaves; if before, its swap expects an outdated word and fails. If the
//      vacating swap fails instead, a request was quicker: the slot keeps its key.
//  (4) A key has at most one slot: slots are given out under the mutex after looking again.
//
// Bound: at most `max_keys` slots are in use. A request of a new key frees the slots of windows
// that are over, by a hand that goes round the table, a constant number of slots at a time. If
// there is nothing to free, the request counts in the one overflow window that all such keys share,
// so nobody goes unlimited; those requests are counted in overflowed(). (A key that later gets a
// slot starts a window of its own there.)
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "shared/sip_hash.h"

namespace glassgate::shared {

// Two kinds of key texts that never meet, whatever they say.
enum class QuotaSubject : uint8_t { named, address };

struct QuotaTerms {
    uint64_t limit = 0;      // at most kMaxLimit
    uint64_t period_ms = 0;  // 1 to kMaxPeriodMs
    static constexpr uint64_t kMaxLimit = 60'000'000;
    static constexpr uint64_t kMaxPeriodMs = 31ull * 24 * 3600 * 1000;
};

struct QuotaDecision {
    bool admitted = false;
    bool overflow = false;  // counted in the window that all keys without a slot share
    uint64_t current = 0;   // requests in this window, this one and refused ones included
    uint64_t remaining = 0;
    uint64_t reset_ms = 0;  // until the window ends
};

struct QuotaSecrets {
    SipKey named, address;
};

class QuotaSpace {
public:
    QuotaSpace(const QuotaSecrets& secrets, std::size_t max_keys);
    QuotaSpace(const QuotaSpace&) = delete;
    QuotaSpace& operator=(const QuotaSpace&) = delete;

    [[nodiscard]] Hash128 key(QuotaSubject subject, std::string_view text) const noexcept;

    // Any worker. One request of `key` at `now_ms` (monotonic). Terms may differ from call to call,
    // as they do around a reload: counts go on under the new ones.
    QuotaDecision take(const Hash128& key, const QuotaTerms& terms, uint64_t now_ms) noexcept;

    // Control and worker threads, at load. More room is added in place and windows stay; less takes
    // effect as windows end (the memory stays until the space goes).
    void set_max_keys(std::size_t max_keys);

    [[nodiscard]] std::size_t used() const noexcept {
        return used_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::size_t max_keys() const noexcept {
        return max_keys_.load(std::memory_order_relaxed);
    }
    // Requests counted in the overflow window.
    [[nodiscard]] uint64_t overflowed() const noexcept {
        return overflowed_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
    static constexpr unsigned kSlots = 8;
    static constexpr unsigned kMaxLevels = 28;     // each at least doubles the room
    static constexpr unsigned kSweepBuckets = 32;  // looked at by one request of a new key
    // Three cache lines: scanning identities does not touch the line that requests write. Plain
    // words used through atomic_ref, so that untouched buckets stay untouched zero pages.
    struct alignas(64) Bucket {
        uint64_t low[kSlots];
        uint64_t high[kSlots];
        uint64_t word[kSlots];
    };
    struct Release {
        void operator()(void* memory) const noexcept;
    };
    struct Level {
        std::unique_ptr<void, Release> memory;
        Bucket* buckets = nullptr;
        uint64_t mask = 0;  // number of buckets - 1; at least 1
    };
    struct Place {
        Bucket* bucket = nullptr;
        unsigned slot = 0;
    };

    [[nodiscard]] static std::array<Bucket*, 2> buckets_of(const Level& level,
                                                           const Hash128& key) noexcept;
    std::optional<QuotaDecision> take_known(const Hash128& key, const QuotaTerms& terms,
                                            uint64_t now_ms) noexcept;
    QuotaDecision take_new(const Hash128& key, const QuotaTerms& terms, uint64_t now_ms) noexcept;
    QuotaDecision take_overflow(const QuotaTerms& terms, uint64_t now_ms) noexcept;
    // With mutex_ held:
    std::optional<Place> make_room(const Hash128& key, uint64_t period_ms,
                                   uint64_t now_ms) noexcept;
    std::optional<Place> emptiest(const Hash128& key) noexcept;
    bool free_slots(Bucket& bucket, uint64_t period_ms, uint64_t now_ms) noexcept;
    bool sweep(uint64_t period_ms, uint64_t now_ms) noexcept;
    void add_level(std::size_t slots);

    const QuotaSecrets secrets_;
    std::atomic<std::size_t> max_keys_;
    std::atomic<unsigned> level_count_{0};
    std::array<Level, kMaxLevels> levels_;
    alignas(64) std::mutex mutex_;
    std::atomic<std::size_t> used_{0};                // written with mutex_ held
    std::size_t hand_ = 0;                            // guarded by mutex_
    std::atomic<uint64_t> full_at_ms_{~uint64_t{0}};  // no room was found then: do not look again
    alignas(64) std::atomic<uint64_t> overflow_word_{0};
    std::atomic<uint64_t> overflowed_{0};
};

}  // namespace glassgate::shared
