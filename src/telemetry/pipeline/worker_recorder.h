// WorkerRecorder: the recorder of one worker. Metrics are folded at once, on the worker; what the
// sinks see goes into the ring.
//
// An exchange that is closed with `final` unset is an interim record of a long stream. It is told
// to the sinks and folded into nothing; in every count of records it is an event. Its `closed_ns`
// is the time it speaks of; its ending says nothing. Whoever makes them sees to it that a stream
// has one an interval at most, its first an interval after its response head, so that streams that
// began at different times do not speak at the same time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "model/recorder.h"
#include "telemetry/metrics/registry.h"
#include "telemetry/pipeline/ring.h"

namespace glassgate::telemetry {

class WorkerRecorder final : public model::Recorder {
public:
    explicit WorkerRecorder(MetricsRegistry::Cells& cells) : cells_(cells) {}
    WorkerRecorder(MetricsRegistry::Cells& cells, std::size_t ring_bytes)
        : cells_(cells), ring_(ring_bytes) {}

    // The worker.
    void plan_applied(std::shared_ptr<const model::PlanNames> names) override;
    void plan_retired(uint64_t generation) override;
    void connection_opened(uint32_t listener) noexcept override {
        cells_.connection_opened(listener);
    }
    void connection_closed(const model::Connection& connection) noexcept override;
    void exchange_opened(uint32_t listener) noexcept override { cells_.exchange_opened(listener); }
    void exchange_closed(const model::Exchange& exchange) noexcept override;
    void event(const model::Event& event) noexcept override;
    void upstream_connections_changed(std::string_view upstream, int delta) noexcept override {
        cells_.upstream_connections_changed(upstream, delta);
    }

    // The collector.
    [[nodiscard]] RecordRing& ring() noexcept { return ring_; }
    // Whether anybody looks at the ring. Off, closed exchanges are only counted. Any thread.
    void set_wanted(bool wanted) noexcept { wanted_.store(wanted, std::memory_order_relaxed); }
    [[nodiscard]] uint64_t unwanted_exchanges() const noexcept {
        return unwanted_.load(std::memory_order_acquire);
    }

private:
    // Names of plans: a record in the ring refers to them by pointer, so they are kept until the
    // plan has retired and the ring has been read up to there. Checked whenever a plan comes or
    // goes, and when a connection closes.
    struct Kept {
        std::shared_ptr<const model::PlanNames> names;
        bool retired = false;
        uint64_t until_position = 0;
    };
    void forget_read() noexcept;

    MetricsRegistry::Cells& cells_;
    RecordRing ring_;
    std::atomic<bool> wanted_{false};
    std::atomic<uint64_t> unwanted_{0};
    std::vector<Kept> plans_;
    std::size_t retired_ = 0;  // how many of plans_
};

}  // namespace glassgate::telemetry
