// Overview: the panel of a running gateway, from the records as the collector sees them: the model
// of the demo's panel, fed for good. What /api/overview says and `glassgate top` draws.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/demo/panel_model.h"
#include "gateway/demo/panel_snapshot.h"
#include "model/event.h"
#include "model/exchange.h"

namespace glassgate::gateway {

class Overview {
public:
    Overview();
    // The collector.
    void exchange(const model::Exchange& exchange);
    void event(const model::Event& event);
    // Any thread.
    [[nodiscard]] demo::PanelSnapshot snapshot();

private:
    std::mutex mutex_;
    demo::PanelModel model_;
    uint64_t next_tick_ns_ = 0;
    std::string gateway_;
};

// /api/overview, and what `glassgate top` makes of it again.
[[nodiscard]] std::string overview_json(const demo::PanelSnapshot& snapshot);
[[nodiscard]] Result<demo::PanelSnapshot> read_overview(std::string_view json);

}  // namespace glassgate::gateway
