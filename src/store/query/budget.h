// What a query may still use. One query, one thread; the cancel flag may be set by any.
#pragma once

#include <cstdint>
#include <utility>

#include "store/query/result.h"
#include "store/series.h"

namespace glassgate::store::query {

class Budget {
public:
    explicit Budget(const Limits& limits) noexcept : limits_(limits) {}
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;

    // Error when the time is up or the query was cancelled. Cheap enough for every series.
    [[nodiscard]] Outcome<void> check() const;

    // Samples now held in memory, with their bytes; give_back when they are not.
    [[nodiscard]] Outcome<void> take(uint64_t samples, uint64_t bytes);
    void give_back(uint64_t samples, uint64_t bytes) noexcept {
        samples_ -= samples;
        bytes_ -= bytes;
    }

    [[nodiscard]] const Limits& limits() const noexcept { return limits_; }
    [[nodiscard]] uint64_t samples_peak() const noexcept { return samples_peak_; }

private:
    Limits limits_;
    uint64_t samples_ = 0;
    uint64_t bytes_ = 0;
    uint64_t samples_peak_ = 0;
};

// A share of the budget, given back at the end of its life.
class Charge {
public:
    Charge() noexcept = default;
    [[nodiscard]] static Outcome<Charge> of(Budget& budget, uint64_t samples, uint64_t bytes);
    Charge(Charge&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)),
          samples_(other.samples_),
          bytes_(other.bytes_) {}
    Charge& operator=(Charge&& other) noexcept {
        std::swap(budget_, other.budget_);
        std::swap(samples_, other.samples_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~Charge() {
        if (budget_ != nullptr) budget_->give_back(samples_, bytes_);
    }

private:
    Budget* budget_ = nullptr;
    uint64_t samples_ = 0;
    uint64_t bytes_ = 0;
};

}  // namespace glassgate::store::query
