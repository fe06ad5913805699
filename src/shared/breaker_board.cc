#include "shared/breaker_board.h"

#include <algorithm>

namespace glassgate::shared {
namespace {

struct Word {
    BreakerState state = BreakerState::closed;
    uint32_t probes = 0;
    uint32_t failures = 0;
    uint64_t until_ms = 0;  // open: when to let a probe through; half open: when to give up on probes

    static Word unpack(uint64_t w) noexcept {
        return {static_cast<BreakerState>(w >> 62), static_cast<uint32_t>(w >> 56 & 63),
                static_cast<uint32_t>(w >> 40 & 0xffff), w & ((uint64_t{1} << 40) - 1)};
    }
    [[nodiscard]] uint64_t pack() const noexcept {
        return static_cast<uint64_t>(state) << 62 | uint64_t{std::min(probes, 63u)} << 56 |
               uint64_t{std::min(failures, 0xffffu)} << 40 | (until_ms & ((uint64_t{1} << 40) - 1));
    }
};

// A probe whose outcome never comes must not keep the circuit half open for ever.
constexpr uint64_t kProbePatienceMs = 60'000;

}  // namespace

Breaker::Admitted Breaker::admit(uint64_t now_ms, uint32_t probes) noexcept {
    uint64_t seen = word_.load(std::memory_order_acquire);
    while (true) {
        Word w = Word::unpack(seen);
        if (w.state == BreakerState::closed) return {Admission::pass, false};
        Admitted result{Admission::probe, false};
        if (now_ms < w.until_ms && (w.state == BreakerState::open || w.probes >= probes))
            return {Admission::refuse, false};
        if (now_ms >= w.until_ms) {
            result.became_half_open = w.state == BreakerState::open;
            w.state = BreakerState::half_open;
            w.probes = 0;
            w.until_ms = now_ms + kProbePatienceMs;
        }
        ++w.probes;
        if (word_.compare_exchange_weak(seen, w.pack(), std::memory_order_acq_rel)) return result;
    }
}

bool Breaker::failed(uint64_t now_ms, uint32_t consecutive_failures, uint32_t open_ms, bool probe) noexcept {
    uint64_t seen = word_.load(std::memory_order_acquire);
    while (true) {
        Word w = Word::unpack(seen);
        if (w.state == BreakerState::open) return false;
        if (w.state == BreakerState::half_open && !probe) return false;  // admitted before it opened
        ++w.failures;
        const bool opens = probe || w.failures >= consecutive_failures;
        if (opens) {
            w.state = BreakerState::open;
            w.probes = 0;
            w.until_ms = now_ms + open_ms;
        }
        if (word_.compare_exchange_weak(seen, w.pack(), std::memory_order_acq_rel)) return opens;
    }
}

bool Breaker::succeeded(bool probe) noexcept {
    uint64_t seen = word_.load(std::memory_order_acquire);
    while (true) {
        const Word w = Word::unpack(seen);
        if (w.state == BreakerState::closed && w.failures == 0) return false;  // the steady state: no write
        if (w.state != BreakerState::closed && !probe) return false;
        if (w.state == BreakerState::open) return false;
        if (word_.compare_exchange_weak(seen, 0, std::memory_order_acq_rel)) return w.state == BreakerState::half_open;
    }
}

void Breaker::abandoned(bool probe) noexcept {
    if (!probe) return;
    uint64_t seen = word_.load(std::memory_order_acquire);
    while (true) {
        Word w = Word::unpack(seen);
        if (w.state != BreakerState::half_open || w.probes == 0) return;
        --w.probes;
        if (word_.compare_exchange_weak(seen, w.pack(), std::memory_order_acq_rel)) return;
    }
}

BreakerState Breaker::state(uint64_t) const noexcept {
    return Word::unpack(word_.load(std::memory_order_acquire)).state;
}

std::shared_ptr<Breaker> BreakerBoard::find(const std::string& route, const std::string& upstream) {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<Breaker>& known = breakers_[{route, upstream}];
    std::shared_ptr<Breaker> breaker = known.lock();
    if (!breaker) known = breaker = std::make_shared<Breaker>();
    return breaker;
}

void BreakerBoard::for_each(
    const std::function<void(const std::string&, const std::string&, const Breaker&)>& use) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, known] : breakers_)
        if (const auto breaker = known.lock()) use(key.first, key.second, *breaker);
}

}  // namespace glassgate::shared
