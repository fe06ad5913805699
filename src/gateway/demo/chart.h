// Charts out of block characters.
#pragma once

#include <span>
#include <vector>

#include "gateway/demo/canvas.h"

namespace glassgate::gateway::demo {

struct ChartBox {
    unsigned column, row, columns, rows;
};

// `values` brought to `columns` points: each is the largest of the values that fall on it, so that
// no peak vanishes. Fewer values than columns are stretched; `total` says how many the full width
// stands for, so that a run that is not over fills its part only.
[[nodiscard]] std::vector<double> resample(std::span<const double> values, std::size_t total,
                                           unsigned columns);

// One series as bars from the bottom, in eighths of a cell.
void draw_bars(Canvas& canvas, const ChartBox& box, std::span<const double> values, double top,
               Shade ink);

// One bar from the left, `share` of the columns long.
void draw_bar_across(Canvas& canvas, unsigned column, unsigned row, unsigned columns, double share,
                     Shade ink);

// Three series, the first the largest everywhere: bars one before the other. Without colours the
// layers are told apart by density.
struct Layer {
    std::vector<double> values;
    Shade ink;
    const char* plain;  // the character without colours
};
void draw_layers(Canvas& canvas, const ChartBox& box, std::span<const Layer> layers, double top,
                 bool colour);

// A round number not below `value`: 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten.
[[nodiscard]] double round_up(double value);

}  // namespace glassgate::gateway::demo
