// Channel: one sink as the collector sees it: its lane, what has been projected for it since the
// last hand-over, and where in the workers' rings its share begins. Guarded by the collector's
// mutex.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "telemetry/pipeline/lane.h"
#include "telemetry/pipeline/worker_recorder.h"

namespace glassgate::telemetry {

class Channel {
public:
    explicit Channel(std::unique_ptr<Sink> sink) : lane_(std::move(sink)) {}

    [[nodiscard]] const std::string& name() const noexcept { return lane_.traits().name; }
    [[nodiscard]] Lane& lane() noexcept { return lane_; }

    // Its share of the rings begins now: what lies in them unread is its, what they have lost is
    // not.
    void begin(std::span<const std::unique_ptr<WorkerRecorder>> workers, uint64_t inbox_lost);
    // Its share ends now: what lies in the rings is its successor's.
    void end(std::span<const std::unique_ptr<WorkerRecorder>> workers, uint64_t inbox_lost);

    void project(const model::Exchange& exchange);
    void project(const model::Event& event);
    void project_refused(const model::Connection& connection);
    void hand_over() { lane_.push(pending_); }

    // What became of everything that was closed in its share.
    [[nodiscard]] SinkCounts counts(std::span<const std::unique_ptr<WorkerRecorder>> workers,
                                    const class EventInbox& inbox) const;

    // New losses worth an event since the last question; nothing if there are none.
    struct Loss {
        uint64_t records = 0, events = 0;
        std::string error;
    };
    [[nodiscard]] Loss new_loss();

private:
    struct Outside {  // what the rings and the inbox did with this sink's records
        uint64_t lost = 0, unwanted = 0, events_lost = 0;
    };
    [[nodiscard]] static Outside outside_now(
        std::span<const std::unique_ptr<WorkerRecorder>> workers, uint64_t inbox_lost);

    Lane lane_;
    Projection pending_;
    Outside at_begin_, at_end_;
    bool ended_ = false;
    uint64_t told_records_ = 0, told_events_ = 0;
};

}  // namespace glassgate::telemetry
