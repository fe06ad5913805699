// RecordRing: the only way from a worker to the collector. Single producer (the worker), single
// consumer (the collector), bounded in bytes, wait-free on both sides. A full ring loses the newest
// record and counts it; the worker never waits, and never wakes anybody: the collector polls.
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
    explicit RecordRing(std::size_t capacity_bytes = 4u << 20);  // a power of two, 64 at least
    ~RecordRing();
    RecordRing(const RecordRing&) = delete;
    RecordRing& operator=(const RecordRing&) = delete;

    // Producer. False: full, counted. Of an exchange only the parts in use are copied: its facts,
    // the captures its plan has slots for, the attempts and policy steps there are, its text. An
    // interim record finds room only in a ring that is at most half full: it must not take the
    // place of a final one.
    bool push(const model::Exchange& exchange) noexcept;
    bool push(const model::Connection& connection) noexcept;
    bool push(const model::Event& event) noexcept;

    // Consumer. Hands each record to the visitor while it lies in the ring (exchange.text points
    // into it) and frees it afterwards; returns how many were read, at most `limit`.
    // Visitor: void exchange(const Exchange&), connection(const Connection&), event(const Event&).
    template <typename Visitor>
    std::size_t drain(Visitor&& visitor, std::size_t limit) {
        std::size_t count = 0;
        for (; count < limit; ++count) {
            const Record record = front();
            if (record.exchange != nullptr)
                visitor.exchange(*record.exchange);
            else if (record.connection != nullptr)
                visitor.connection(*record.connection);
            else if (record.event != nullptr)
                visitor.event(*record.event);
            else
                break;
            pop();
        }
        return count;
    }

    // Of exchanges that were closed, and of events (connections and interim records among them):
    // how many came to lie in the ring, how many were lost to a full one, how many have been read
    // and freed. Any thread; monotonic, and `read` never is ahead of a `pushed` that is asked for
    // after it.
    [[nodiscard]] uint64_t pushed_exchanges() const noexcept;
    [[nodiscard]] uint64_t lost_exchanges() const noexcept;
    [[nodiscard]] uint64_t read_exchanges() const noexcept;
    [[nodiscard]] uint64_t pushed_events() const noexcept;
    [[nodiscard]] uint64_t lost_events() const noexcept;
    [[nodiscard]] uint64_t read_events() const noexcept;

    // Positions in the stream of bytes. What was pushed before write_position() was asked for has
    // been read once read_position() has reached it. Any thread.
    [[nodiscard]] uint64_t write_position() const noexcept;
    [[nodiscard]] uint64_t read_position() const noexcept;

private:
    struct State;
    struct Record {  // at most one is not null
        const model::Exchange* exchange = nullptr;
        const model::Connection* connection = nullptr;
        const model::Event* event = nullptr;
    };
    [[nodiscard]] char* reserve(std::size_t size, uint32_t kind) noexcept;
    void publish(std::atomic<uint64_t>& pushed) noexcept;
    bool push_whole(const void* record, std::size_t size, uint32_t kind) noexcept;
    [[nodiscard]] Record front() noexcept;
    void pop() noexcept;

    std::unique_ptr<State> state_;
};

}  // namespace glassgate::telemetry
