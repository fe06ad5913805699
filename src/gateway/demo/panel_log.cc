#include "gateway/demo/panel_log.h"

#include <algorithm>

#include "base/clock.h"
#include "telemetry/project/exchange_events.h"
#include "telemetry/project/text_line.h"

namespace glassgate::gateway::demo {
namespace {

constexpr uint64_t kFirstPauseNs = kNsPerSecond, kLongestPauseNs = 8 * kNsPerSecond;

// Kinds that exchange() has shown already: the collector projects them from the same records.
bool is_of_exchanges(model::EventKind kind) noexcept {
    using enum model::EventKind;
    return kind == rate_limit_exceeded || kind == upstream_timeout || kind == upstream_failed ||
           kind == auth_failed;
}

}  // namespace

void PanelLog::show(const model::Event& event) {
    std::string line;
    telemetry::append_text_line(event, scratch_, line);
    if (line.ends_with('\n')) line.pop_back();
    lines_.push_back({event.level, std::move(line)});
    if (lines_.size() > kMaxLines) lines_.pop_front();
}

void PanelLog::exchange(const model::Exchange& exchange) {
    const auto kind = telemetry::event_kind_of(exchange);
    if (!kind) return;
    // A flood's line shows the refused client that asks most, not the one that asked last.
    offer(telemetry::event_of(*kind, exchange, scratch_), exchange.quota_current);
}

void PanelLog::event(const model::Event& event) {
    if (!is_of_exchanges(event.kind)) show(event);
}

void PanelLog::offer(const model::Event& event, uint64_t weight) {
    Flood& flood = floods_[static_cast<std::size_t>(event.kind)];
    const bool quiet =
        event.wall_ns >= flood.shown_wall_ns + std::max(kFirstPauseNs, 2 * flood.pause_ns);
    if (flood.held == 0 && quiet) {
        show(event);
        flood.shown_wall_ns = event.wall_ns;
        flood.pause_ns = 0;
        return;
    }
    if (flood.held == 0 || weight >= flood.weight) {
        flood.shown = event;
        flood.weight = weight;
    }
    flood.held += event.count;
}

void PanelLog::tick(uint64_t wall_ns) {
    for (Flood& flood : floods_) {
        const uint64_t pause_ns = std::clamp(2 * flood.pause_ns, kFirstPauseNs, kLongestPauseNs);
        if (flood.held == 0 || wall_ns < flood.shown_wall_ns + pause_ns) continue;
        flood.shown.count = flood.held;
        flood.shown.wall_ns = flood.shown_wall_ns = wall_ns;
        flood.pause_ns = pause_ns;
        flood.held = 0;
        show(flood.shown);
    }
}

}  // namespace glassgate::gateway::demo
