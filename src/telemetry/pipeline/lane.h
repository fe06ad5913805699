// Lane: the thread of one sink, the queue in front of it, and the counting. Whatever the sink does
// (slow, failing, partial, hung for good), every record given to the lane is at any instant exactly
// one of delivered, lost or queued.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "telemetry/pipeline/sink.h"

namespace glassgate::telemetry {

// What the collector made of some records for one sink, not yet handed over.
struct Projection {
    struct Entry {
        uint32_t bytes = 0;
        bool event = false;       // counted as one: an event or an interim record
        bool about_loss = false;  // an event whose own loss is not reported: it would feed itself
        bool interim = false;     // kept only while the queue is at most half full
    };
    std::string bytes;  // the entries, one after the other
    std::vector<Entry> entries;
    uint64_t filtered = 0, sampled_out = 0, events_filtered = 0;

    [[nodiscard]] bool empty() const noexcept {
        return entries.empty() && filtered + sampled_out + events_filtered == 0;
    }
    void clear() noexcept;  // keeps capacity
};

class Lane {
public:
    explicit Lane(std::unique_ptr<Sink> sink);  // starts the thread
    ~Lane();                                    // stop(0) if it has not been stopped
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    [[nodiscard]] Sink& sink() noexcept;  // for project(): the collector's half
    [[nodiscard]] const SinkTraits& traits() const noexcept;

    // Collector thread. What does not fit into the queue is lost and counted. Clears `projection`.
    void push(Projection& projection);

    // Any thread. A consistent reading: the sum is what has been pushed.
    [[nodiscard]] SinkCounts counts() const;
    // Losses worth reporting, and the last reason a delivery gave for one. Any thread.
    struct Losses {
        uint64_t records = 0, events = 0;
        std::string error;
    };
    [[nodiscard]] Losses losses() const;

    void reopen();  // any thread; the sink's reopen() runs on the lane, between two batches

    // Stopping, in two steps so that several lanes can stop at once. Nothing may be pushed any
    // more. The queue is delivered as far as the deadline allows; the rest is lost and counted.
    // end_stop returns soon after the deadline even if the sink hangs: its thread is then left
    // behind.
    void begin_stop(uint32_t deadline_ms);
    void end_stop();
    [[nodiscard]] bool finished() const;  // the thread has come to its end: end_stop will not wait

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the thread, which may have to be left behind
};

}  // namespace glassgate::telemetry
