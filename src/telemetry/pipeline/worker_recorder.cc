#include "telemetry/pipeline/worker_recorder.h"

namespace glassgate::telemetry {

void WorkerRecorder::plan_applied(std::shared_ptr<const model::PlanNames> names) {
    forget_read();
    plans_.push_back({names, false, 0});
    cells_.plan_applied(std::move(names));
}

void WorkerRecorder::plan_retired(uint64_t generation) {
    for (Kept& plan : plans_) {
        if (plan.retired || plan.names->generation != generation) continue;
        plan.retired = true;
        plan.until_position = ring_.write_position();
        ++retired_;
    }
    cells_.plan_retired(generation);
    forget_read();
}

void WorkerRecorder::forget_read() noexcept {
    if (retired_ == 0) return;
    const uint64_t read = ring_.read_position();
    retired_ -= std::erase_if(
        plans_, [read](const Kept& plan) { return plan.retired && plan.until_position <= read; });
}

void WorkerRecorder::connection_closed(const model::Connection& connection) noexcept {
    cells_.connection_closed(connection);
    // Of connections only those that were refused make a line.
    if (is_refusal(connection.ending) && wanted_.load(std::memory_order_relaxed))
        ring_.push(connection);
    forget_read();
}

void WorkerRecorder::exchange_closed(const model::Exchange& exchange) noexcept {
    cells_.exchange_closed(exchange);
    if (wanted_.load(std::memory_order_relaxed))
        ring_.push(exchange);
    else if (exchange.final)
        unwanted_.store(unwanted_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void WorkerRecorder::event(const model::Event& event) noexcept {
    if (wanted_.load(std::memory_order_relaxed)) ring_.push(event);
}

}  // namespace glassgate::telemetry
