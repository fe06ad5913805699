// LoadBoard: how much of an upstream is in use by the whole gateway, for limits that must hold over
// all workers (requests, connections, connects under way, retries).
//
// Proof: each count is one atomic number. Who wants a place adds itself first and takes itself back
// if that was one too many, so at most `limit` hold a place at any time. Two who come for the last
// place at once may both be refused; that errs to the safe side and only while both are asking.
// A load lives as long as an upstream of some worker holds it; a reload makes its upstreams before
// the old ones go, so what is under way stays counted. Upstreams without limits have none, and
// share no cache line.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace glassgate::shared {

class Gauge {
public:
    // False: `limit` are there already.
    [[nodiscard]] bool take(uint32_t limit) noexcept {
        if (count_.fetch_add(1, std::memory_order_relaxed) < limit) return true;
        give();
        return false;
    }
    void give() noexcept { count_.fetch_sub(1, std::memory_order_relaxed); }
    [[nodiscard]] uint32_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

private:
    std::atomic<uint32_t> count_{0};
};

struct Load {
    alignas(64) Gauge requests;
    alignas(64) Gauge connections;
    alignas(64) Gauge pending;  // requests that wait for a connection
    alignas(64) Gauge retries;
};

class LoadBoard {
public:
    // Worker threads, at load only.
    [[nodiscard]] std::shared_ptr<Load> find(const std::string& upstream);

private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<Load>> loads_;
};

}  // namespace glassgate::shared
