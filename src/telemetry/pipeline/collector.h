// Collector: the thread between the workers and the sinks. Empties the rings, lets every sink
// project every record, and makes the events nobody raises.
//
// It polls. Workers are never made to wake it: a system call for each record would cost them more
// than the rest of the record. Under traffic it looks every 5 to 10 ms, without it less and less
// often, at last every 50 ms. A record is thus in the sink's queue at most 50 ms (10 ms under
// traffic) after its exchange was closed, and delivered at most SinkTraits::flush_ms later.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "telemetry/pipeline/channel.h"
#include "telemetry/pipeline/flood.h"
#include "telemetry/pipeline/inbox.h"
#include "telemetry/pipeline/recovery.h"

namespace glassgate::telemetry {

class Collector {
public:
    using Workers = std::vector<std::unique_ptr<WorkerRecorder>>;
    using Channels = std::vector<std::shared_ptr<Channel>>;
    struct Tap {
        std::function<void(const model::Exchange&)> exchange;
        std::function<void(const model::Event&)> event;
    };

    explicit Collector(Workers workers);  // starts the thread
    ~Collector();                         // stop(0) if it has not been stopped
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;

    [[nodiscard]] WorkerRecorder& worker(unsigned index) noexcept { return *workers_[index]; }
    [[nodiscard]] const std::shared_ptr<EventInbox>& inbox() const noexcept { return inbox_; }

    // Control thread. What was closed before goes to the sinks there were, what is closed from now
    // on to these. Those that are gone deliver what they hold, in the background. `change` runs at
    // the same instant, with no record under way.
    void set_channels(const Channels& channels, const std::function<void()>& change);
    void set_tap(Tap tap);
    void reopen();  // any thread

    // By sink name: a name that was there once stays, and its counts never go back. Any thread but
    // a sink's. Consistent: for each sink the sum is what was closed while it was there.
    using Counts = std::vector<std::pair<std::string, SinkCounts>>;
    [[nodiscard]] Counts counts() const;

    // Control thread; the workers have stopped. Projects what is in the rings, ends the thread, and
    // lets the sinks deliver until the deadline.
    void stop(uint32_t deadline_ms);

    // For RecordRing::drain, on the thread.
    void exchange(const model::Exchange& exchange);
    void connection(const model::Connection& connection);
    void event(const model::Event& event);

private:
    class Turn;
    static constexpr std::size_t kBatch = 256;  // records of one ring in one turn

    void run();
    std::size_t take_turn();
    void read_all();
    void make_events(const model::Exchange& exchange);
    void look_after_losses();
    void report_loss(std::string_view sink, uint64_t records, uint64_t events,
                     std::string_view error);
    void let_go_of_finished();
    void want_records();

    const Workers workers_;
    const std::shared_ptr<EventInbox> inbox_ = std::make_shared<EventInbox>();
    std::atomic<bool> stopping_{false};

    // Everything below is guarded by mutex_. The thread holds it for one turn, and lets those go
    // first who wait for it.
    mutable std::mutex mutex_;
    mutable std::atomic<int> waiting_{0};
    Channels channels_;
    std::vector<std::pair<std::shared_ptr<Channel>, uint64_t>>
        leaving_;  // and until when (mono ns)
    Counts gone_;  // of sinks that have left
    Tap tap_;
    FloodTable flood_;
    RecoveryWatch recovery_;
    std::vector<model::Event> events_;  // scratch
    std::string scratch_;
    uint64_t now_ns_ = 0;  // of this turn
    uint64_t next_look_ns_ = 0, next_loss_ns_ = 0;
    uint64_t told_ring_lost_ = 0, told_ring_events_lost_ = 0;

    std::thread thread_;
};

}  // namespace glassgate::telemetry
