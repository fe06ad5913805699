// RecordRing: the only way from a worker to the collector. Single producer (the worker), single
// consumer (the collector), bounded in bytes, wait-free on both sides. A full ring loses the newest
// record and counts it; the worker never waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "model/connection.h"
#include "model/event.h"
#include "model/exchange.h"

namespace glassgate::telemetry {

class RecordRing {
public:
    explicit RecordRing(std::size_t capacity_bytes = 4u << 20);  // a power of two
    ~RecordRing();
    RecordRing(const RecordRing&) = delete;
    RecordRing& operator=(const RecordRing&) = delete;

    // Producer. False: full, counted. The exchange's facts and its text are copied as bytes; only
    // the parts in use (attempts, policy steps, text) need be.
    bool push(const model::Exchange& exchange) noexcept;
    bool push(const model::Connection& connection) noexcept;
    bool push(const model::Event& event) noexcept;

    // Consumer. Hands each record to the visitor while it lies in the ring (exchange.text points
    // into it) and frees it afterwards; returns how many were read, at most `limit`.
    // Visitor: void exchange(const Exchange&), connection(const Connection&), event(const Event&).
    template <typename Visitor>
    std::size_t drain(Visitor&& visitor, std::size_t limit);

    // Exchanges / events lost to a full ring so far. Any thread.
    [[nodiscard]] uint64_t lost_exchanges() const noexcept;
    [[nodiscard]] uint64_t lost_events() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace glassgate::telemetry
