// PanelLog: the last lines of the live log, in the format of the text log. Events are shown as they
// come. Those that are projections of exchanges are made here from the exchanges (the same events
// that come by the collector are left out), because there may be thousands: of each kind the first
// shows at once, then one line after 1 s, 2 s, 4 s, then every 8 s, with the count, so that a flood
// does not drive everything else out of the few lines there are.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "gateway/demo/panel_snapshot.h"
#include "model/event.h"
#include "model/exchange.h"

namespace glassgate::gateway::demo {

class PanelLog {
public:
    static constexpr std::size_t kMaxLines = 100;
    void exchange(const model::Exchange& exchange);  // a line if its ending is an event
    void event(const model::Event& event);
    void tick(uint64_t wall_ns);  // lines of floods that are due
    [[nodiscard]] std::vector<LogLine> lines() const { return {lines_.begin(), lines_.end()}; }

private:
    struct Flood {
        uint64_t shown_wall_ns = 0;
        uint64_t pause_ns = 0;  // from the last line to the next, 0: not a flood
        uint64_t held = 0;      // events since the last line
        uint64_t weight = 0;    // of the one to be shown for them
        model::Event shown;
    };
    void show(const model::Event& event);
    void offer(const model::Event& event, uint64_t weight);

    std::array<Flood, model::kEventKindCount> floods_;
    std::deque<LogLine> lines_;
    std::string scratch_;
};

}  // namespace glassgate::gateway::demo
