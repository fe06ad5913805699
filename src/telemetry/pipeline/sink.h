// Sink: a destination for records that may be slow, stuck or gone.
//
// A sink is two halves. `project` runs on the collector thread, sees the record while it lies in
// the ring and appends what the destination needs (a log line, an encoded span) to a byte queue.
// `deliver` runs on the sink's own lane, a thread that may block, and takes a batch from that
// queue. The harness (lane.h) owns the queue, its bound, retry and the counting: a sink cannot
// lose anything silently.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/connection.h"
#include "model/event.h"
#include "model/exchange.h"

namespace glassgate::telemetry {

struct SinkTraits {
    std::string name;                     // label `sink`: "log_stdout", "log_file", "otlp_traces"
    uint64_t queue_bytes = 8u << 20;      // above: the newest record is lost and counted
    std::size_t batch_records = 512;      // a batch is handed over when it has so many records,
    std::size_t batch_bytes = 64 * 1024;  // so many bytes,
    uint32_t flush_ms = 1000;             // or its oldest record is so old
    uint32_t retry_initial_ms = 100;      // back-off between attempts at the same batch, doubling
    uint32_t retry_max_ms = 5000;
    uint32_t retry_attempts = 5;  // failed ones in a row, then the batch is lost and counted
};

enum class Projected : uint8_t { queued, filtered, sampled_out };

struct Delivered {
    std::size_t records = 0;      // how many of the batch, from its front, are safe
    bool retry = false;           // the rest may be tried again (after retry_after_ms)
    uint32_t retry_after_ms = 0;  // 0: the lane's own back-off
    std::string error;            // why it stopped; empty when all were taken
};

class Sink {
public:
    virtual ~Sink() = default;
    [[nodiscard]] virtual SinkTraits traits() const = 0;

    // Collector thread. Appends to `out` only when it returns `queued`, and then at least a byte.
    // An exchange that is not `final` is an interim record of a long stream.
    virtual Projected project(const model::Exchange& exchange, std::string& out) = 0;
    virtual Projected project(const model::Event& event, std::string& out) = 0;
    // A connection that was refused in its handshake. Most sinks show the event made of it, and
    // leave the connection itself alone; then it is not counted. Taken, it is counted as an event.
    virtual Projected project_refused(const model::Connection& connection, std::string& out) {
        (void)connection, (void)out;
        return Projected::filtered;
    }

    // The sink's own lane.
    virtual Delivered deliver(std::span<const std::string_view> batch) noexcept = 0;
    // Close and reopen what can be (log files after SIGUSR1). Lane thread.
    virtual void reopen() noexcept {}
    // How long deliver may take from now on: the gateway is stopping, or the sink is. Any thread:
    // it is called while deliver() runs, and should cut it short if it can. A deliver() that goes
    // on regardless is left behind, and what it held is counted as lost.
    virtual void hurry(uint32_t deadline_ms) noexcept { (void)deadline_ms; }
};

// What became of the records given to one sink. closed = filtered + sampled_out + delivered + lost
// + queued, always (design: conservation law). Events are counted apart from exchanges, and so are
// interim records of long streams: they are counted as events, since they are no exchange closed.
struct SinkCounts {
    uint64_t delivered = 0, lost = 0, filtered = 0, sampled_out = 0, queued = 0;
    uint64_t events_delivered = 0, events_lost = 0, events_filtered = 0, events_queued = 0;
    uint64_t queue_bytes = 0;

    // Equal, for one sink, to the exchanges closed since the sink was there: the law.
    [[nodiscard]] uint64_t closed() const noexcept {
        return delivered + lost + filtered + sampled_out + queued;
    }
    [[nodiscard]] uint64_t events() const noexcept {
        return events_delivered + events_lost + events_filtered + events_queued;
    }
    SinkCounts& operator+=(const SinkCounts& more) noexcept {
        delivered += more.delivered, lost += more.lost, filtered += more.filtered;
        sampled_out += more.sampled_out, queued += more.queued;
        events_delivered += more.events_delivered, events_lost += more.events_lost;
        events_filtered += more.events_filtered, events_queued += more.events_queued;
        queue_bytes += more.queue_bytes;
        return *this;
    }
};

}  // namespace glassgate::telemetry
