#include "shared/quota_space.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/check.h"
#include "shared/quota_word.h"

namespace glassgate::shared {
namespace {

using Ref = std::atomic_ref<uint64_t>;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

QuotaDecision decide(uint64_t word, const QuotaTerms& terms, uint64_t now_ms) noexcept {
    const uint64_t count = QuotaWord::count(word);
    QuotaDecision d;
    d.admitted = count <= terms.limit;
    d.current = count;
    d.remaining = count < terms.limit ? terms.limit - count : 0;
    const uint64_t age = QuotaWord::age_ms(word, now_ms);
    d.reset_ms = age < terms.period_ms ? terms.period_ms - age : 0;
    return d;
}

// An identity whose halves are never 0: 0 marks a slot without owner.
Hash128 identity(Hash128 hash) noexcept {
    hash.low += hash.low == 0;
    hash.high += hash.high == 0;
    return hash;
}

}  // namespace

void QuotaSpace::Release::operator()(void* memory) const noexcept { std::free(memory); }

QuotaSpace::QuotaSpace(const QuotaSecrets& secrets, std::size_t max_keys)
    : secrets_(secrets), max_keys_(std::max<std::size_t>(max_keys, 1)) {
    add_level(max_keys_.load(kRelaxed) * 2);
}

Hash128 QuotaSpace::key(QuotaSubject subject, std::string_view text) const noexcept {
    return identity(
        sip_hash_128(subject == QuotaSubject::named ? secrets_.named : secrets_.address, text));
}

// Twice as many slots as keys: with two buckets to choose from, a key finds both full with
// probability below 10^-6 before max_keys are in use.
void QuotaSpace::add_level(std::size_t slots) {
    const unsigned count = level_count_.load(kRelaxed);
    if (count == kMaxLevels) return;
    const std::size_t buckets = std::max<std::size_t>(std::bit_ceil(slots) / kSlots, 2);
    Level& level = levels_[count];
    // calloc: large blocks are fresh zero pages, which cost nothing until a key falls into them.
    level.memory.reset(std::calloc(buckets + 1, sizeof(Bucket)));
    GW_CHECK(level.memory != nullptr);
    void* start = level.memory.get();
    std::size_t space = (buckets + 1) * sizeof(Bucket);
    GW_CHECK(std::align(alignof(Bucket), buckets * sizeof(Bucket), start, space) != nullptr);
    level.buckets = static_cast<Bucket*>(start);
    level.mask = buckets - 1;
    level_count_.store(count + 1, kRelease);
}

void QuotaSpace::set_max_keys(std::size_t max_keys) {
    max_keys = std::max<std::size_t>(max_keys, 1);
    const std::lock_guard lock(mutex_);
    if (max_keys == max_keys_.load(kRelaxed)) return;
    max_keys_.store(max_keys, kRelaxed);
    full_at_ms_.store(~uint64_t{0}, kRelaxed);
    std::size_t slots = 0;
    for (unsigned i = 0; i < level_count_.load(kRelaxed); ++i)
        slots += (levels_[i].mask + 1) * kSlots;
    if (slots < max_keys * 2) add_level(std::max(max_keys * 2 - slots, slots));
}

std::size_t QuotaSpace::memory_bytes() const noexcept {
    std::size_t bytes = sizeof *this;
    for (unsigned i = 0; i < level_count_.load(kAcquire); ++i)
        bytes += (levels_[i].mask + 2) * sizeof(Bucket);
    return bytes;
}

std::array<QuotaSpace::Bucket*, 2> QuotaSpace::buckets_of(const Level& level,
                                                          const Hash128& key) noexcept {
    const uint64_t first = key.low & level.mask;
    uint64_t second = key.high & level.mask;
    if (second == first) second ^= 1;
    return {level.buckets + first, level.buckets + second};
}

QuotaDecision QuotaSpace::take(const Hash128& key, const QuotaTerms& terms,
                               uint64_t now_ms) noexcept {
    if (const auto decision = take_known(key, terms, now_ms)) return *decision;
    if (full_at_ms_.load(kRelaxed) == now_ms) return take_overflow(terms, now_ms);
    return take_new(key, terms, now_ms);
}

std::optional<QuotaDecision> QuotaSpace::take_known(const Hash128& key, const QuotaTerms& terms,
                                                    uint64_t now_ms) noexcept {
    for (unsigned i = level_count_.load(kAcquire); i-- > 0;) {
        for (Bucket* const bucket : buckets_of(levels_[i], key)) {
            for (unsigned slot = 0; slot < kSlots; ++slot) {
                const Ref low(bucket->low[slot]);
                const Ref high(bucket->high[slot]);
                if (low.load(kAcquire) != key.low || high.load(kAcquire) != key.high) continue;
                const Ref word(bucket->word[slot]);
                uint64_t seen = word.load(kAcquire);
                while (low.load(kAcquire) == key.low && high.load(kAcquire) == key.high) {
                    const uint64_t after = QuotaWord::after_request(seen, terms.period_ms, now_ms);
                    if (after == seen || word.compare_exchange_weak(
                                             seen, after, std::memory_order_acq_rel, kAcquire))
                        return decide(after, terms, now_ms);
                }
            }
        }
    }
    return std::nullopt;
}

QuotaDecision QuotaSpace::take_new(const Hash128& key, const QuotaTerms& terms,
                                   uint64_t now_ms) noexcept {
    const std::lock_guard lock(mutex_);
    // Another worker may have been quicker, or was just failing to vacate the slot.
    if (const auto decision = take_known(key, terms, now_ms)) return *decision;
    const std::optional<Place> place = make_room(key, terms.period_ms, now_ms);
    if (!place) {
        full_at_ms_.store(now_ms, kRelaxed);
        return take_overflow(terms, now_ms);
    }
    const Ref word(place->bucket->word[place->slot]);
    const uint64_t first = QuotaWord::after_request(word.load(kRelaxed), terms.period_ms, now_ms);
    word.store(first, kRelease);
    Ref(place->bucket->high[place->slot]).store(key.high, kRelease);
    Ref(place->bucket->low[place->slot]).store(key.low, kRelease);
    return decide(first, terms, now_ms);
}

QuotaDecision QuotaSpace::take_overflow(const QuotaTerms& terms, uint64_t now_ms) noexcept {
    overflowed_.fetch_add(1, kRelaxed);
    uint64_t seen = overflow_word_.load(kRelaxed);
    while (true) {
        const uint64_t after = QuotaWord::after_request(seen, terms.period_ms, now_ms);
        if (after != seen && !overflow_word_.compare_exchange_weak(seen, after, kRelaxed)) continue;
        QuotaDecision decision = decide(after, terms, now_ms);
        decision.overflow = true;
        return decision;
    }
}

std::optional<QuotaSpace::Place> QuotaSpace::make_room(const Hash128& key, uint64_t period_ms,
                                                       uint64_t now_ms) noexcept {
    const std::size_t most = max_keys_.load(kRelaxed);
    while (used_.load(kRelaxed) >= most)
        if (!sweep(period_ms, now_ms)) return std::nullopt;
    std::optional<Place> place = emptiest(key);
    if (!place) {
        for (unsigned i = 0; i < level_count_.load(kRelaxed); ++i)
            for (Bucket* const bucket : buckets_of(levels_[i], key))
                free_slots(*bucket, period_ms, now_ms);
        place = emptiest(key);
    }
    if (place) used_.fetch_add(1, kRelaxed);
    return place;
}

// A free slot in that of the key's buckets which has most of them.
std::optional<QuotaSpace::Place> QuotaSpace::emptiest(const Hash128& key) noexcept {
    std::optional<Place> best;
    unsigned most = 0;
    for (unsigned i = level_count_.load(kRelaxed); i-- > 0;) {
        for (Bucket* const bucket : buckets_of(levels_[i], key)) {
            unsigned free = 0;
            unsigned last = 0;
            for (unsigned slot = 0; slot < kSlots; ++slot) {
                if (Ref(bucket->low[slot]).load(kRelaxed) != 0) continue;
                ++free;
                last = slot;
            }
            if (free <= most) continue;
            most = free;
            best = Place{bucket, last};
        }
    }
    return best;
}

// Takes the slots of windows that are over from their keys. True if there was one.
bool QuotaSpace::free_slots(Bucket& bucket, uint64_t period_ms, uint64_t now_ms) noexcept {
    bool freed = false;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        const Ref low(bucket.low[slot]);
        const Ref high(bucket.high[slot]);
        const Ref word(bucket.word[slot]);
        const Hash128 owner{low.load(kRelaxed), high.load(kRelaxed)};
        uint64_t seen = word.load(kRelaxed);
        if (owner.low == 0 || !QuotaWord::over(seen, period_ms, now_ms)) continue;
        low.store(0, kRelaxed);
        high.store(0, kRelaxed);
        if (word.compare_exchange_strong(seen, QuotaWord::pack(now_ms, 0),
                                         std::memory_order_acq_rel)) {
            used_.fetch_sub(1, kRelaxed);
            freed = true;
        } else {  // its key has just begun a new window
            high.store(owner.high, kRelease);
            low.store(owner.low, kRelease);
        }
    }
    return freed;
}

// Moves the hand on until it frees something, at most kSweepBuckets.
bool QuotaSpace::sweep(uint64_t period_ms, uint64_t now_ms) noexcept {
    std::size_t total = 0;
    const unsigned levels = level_count_.load(kRelaxed);
    for (unsigned i = 0; i < levels; ++i) total += levels_[i].mask + 1;
    for (std::size_t step = 0; step < std::min<std::size_t>(kSweepBuckets, total); ++step) {
        std::size_t at = hand_++ % total;
        unsigned level = 0;
        while (at > levels_[level].mask) at -= levels_[level++].mask + 1;
        if (free_slots(levels_[level].buckets[at], period_ms, now_ms)) return true;
    }
    return false;
}

}  // namespace glassgate::shared
