#include "telemetry/pipeline/channel.h"

#include "telemetry/pipeline/inbox.h"

namespace glassgate::telemetry {

Channel::Outside Channel::outside_now(std::span<const std::unique_ptr<WorkerRecorder>> workers,
                                      uint64_t inbox_lost) {
    Outside now{0, 0, inbox_lost};
    for (const auto& worker : workers) {
        now.lost += worker->ring().lost_exchanges();
        now.events_lost += worker->ring().lost_events();
        now.unwanted += worker->unwanted_exchanges();
    }
    return now;
}

void Channel::begin(std::span<const std::unique_ptr<WorkerRecorder>> workers, uint64_t inbox_lost) {
    at_begin_ = outside_now(workers, inbox_lost);
}

void Channel::end(std::span<const std::unique_ptr<WorkerRecorder>> workers, uint64_t inbox_lost) {
    hand_over();
    at_end_ = outside_now(workers, inbox_lost);
    ended_ = true;
}

void Channel::project(const model::Exchange& exchange) {
    const std::size_t before = pending_.bytes.size();
    const bool interim = !exchange.final;
    const Projected projected = lane_.sink().project(exchange, pending_.bytes);
    if (projected == Projected::queued)
        pending_.entries.push_back(
            {static_cast<uint32_t>(pending_.bytes.size() - before), interim, false, interim});
    else if (interim)
        ++pending_.events_filtered;
    else
        ++(projected == Projected::filtered ? pending_.filtered : pending_.sampled_out);
}

void Channel::project(const model::Event& event) {
    const std::size_t before = pending_.bytes.size();
    if (lane_.sink().project(event, pending_.bytes) != Projected::queued) {
        ++pending_.events_filtered;
        return;
    }
    const bool about_loss = event.kind == model::EventKind::telemetry_lost ||
                            event.kind == model::EventKind::log_write_failed;
    pending_.entries.push_back(
        {static_cast<uint32_t>(pending_.bytes.size() - before), true, about_loss, false});
}

void Channel::project_refused(const model::Connection& connection) {
    const std::size_t before = pending_.bytes.size();
    if (lane_.sink().project_refused(connection, pending_.bytes) != Projected::queued) return;
    pending_.entries.push_back(
        {static_cast<uint32_t>(pending_.bytes.size() - before), true, false, false});
}

// Sound under the collector's mutex: nothing is being read from the rings, so every record is
// either still in one or accounted for by the lane.
SinkCounts Channel::counts(std::span<const std::unique_ptr<WorkerRecorder>> workers,
                           const EventInbox& inbox) const {
    SinkCounts counts = lane_.counts();
    const Outside now = ended_ ? at_end_ : outside_now(workers, inbox.lost());
    counts.lost += now.lost - at_begin_.lost;
    counts.filtered += now.unwanted - at_begin_.unwanted;
    counts.events_lost += now.events_lost - at_begin_.events_lost;
    if (ended_) return counts;
    for (const auto& worker : workers) {
        RecordRing& ring = worker->ring();
        const uint64_t read = ring.read_exchanges(), events_read = ring.read_events();
        counts.queued += ring.pushed_exchanges() - read;
        counts.events_queued += ring.pushed_events() - events_read;
    }
    counts.events_queued += inbox.size();
    return counts;
}

Channel::Loss Channel::new_loss() {
    Lane::Losses all = lane_.losses();
    Loss loss{all.records - told_records_, all.events - told_events_, std::move(all.error)};
    told_records_ = all.records;
    told_events_ = all.events;
    return loss;
}

}  // namespace glassgate::telemetry
