// The panel as text: a pure function of a snapshot and the size of the terminal.
#pragma once

#include <string>

#include "gateway/demo/panel_snapshot.h"

namespace glassgate::gateway::demo {

struct ViewSettings {
    unsigned width = 100;  // brought into 80 to 140
    unsigned height = 36;  // at least 24
    bool colour = true;
};

// `height` lines separated by '\n', none wider than `width`.
[[nodiscard]] std::string render_panel(const PanelSnapshot& snapshot, const ViewSettings& settings);

}  // namespace glassgate::gateway::demo
