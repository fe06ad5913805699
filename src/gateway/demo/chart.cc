#include "gateway/demo/chart.h"

#include <algorithm>
#include <cmath>

namespace glassgate::gateway::demo {
namespace {

constexpr const char* kEighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

// How much of row `row` of `rows` (0: the lowest) a bar of `height` (0 to 1) fills, in eighths.
int eighths(double height, unsigned row, unsigned rows) {
    const double filled = std::clamp(height, 0.0, 1.0) * rows * 8 - row * 8.0;
    return static_cast<int>(std::clamp(std::lround(filled), 0L, 8L));
}

}  // namespace

std::vector<double> resample(std::span<const double> values, std::size_t total, unsigned columns) {
    std::vector<double> points;
    total = std::max(total, values.size());
    if (values.empty() || columns == 0) return points;
    for (unsigned i = 0; i < columns; ++i) {
        const std::size_t from = i * total / columns;
        const std::size_t to = std::max(from + 1, (i + 1) * total / columns);
        if (from >= values.size()) break;
        points.push_back(*std::max_element(
            values.begin() + static_cast<std::ptrdiff_t>(from),
            values.begin() + static_cast<std::ptrdiff_t>(std::min(to, values.size()))));
    }
    return points;
}

void draw_bars(Canvas& canvas, const ChartBox& box, std::span<const double> values, double top,
               Shade ink) {
    for (unsigned x = 0; x < box.columns && x < values.size(); ++x) {
        const double height = top <= 0 ? 0 : values[x] / top;
        for (unsigned y = 0; y < box.rows; ++y) {
            int filled = eighths(height, y, box.rows);
            if (y == 0 && values[x] > 0) filled = std::max(filled, 1);  // little is not nothing
            canvas.put(box.column + x, box.row + box.rows - 1 - y, kEighths[filled], {ink});
        }
    }
}

void draw_bar_across(Canvas& canvas, unsigned column, unsigned row, unsigned columns, double share,
                     Shade ink) {
    constexpr const char* kParts[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    for (unsigned x = 0; x < columns; ++x) {
        const double filled = std::clamp(share, 0.0, 1.0) * columns * 8 - x * 8.0;
        canvas.put(column + x, row, kParts[std::clamp(std::lround(filled), 0L, 8L)], {ink});
    }
}

void draw_layers(Canvas& canvas, const ChartBox& box, std::span<const Layer> layers, double top,
                 bool colour) {
    for (unsigned x = 0; x < box.columns; ++x) {
        for (unsigned y = 0; y < box.rows; ++y) {
            // The frontmost layer that reaches into the cell draws it; behind its upper edge is the
            // colour of the layer that fills the rest.
            Shade paper = kNoShade;
            for (const Layer& layer : layers) {
                if (x >= layer.values.size()) continue;
                const int filled = eighths(top <= 0 ? 0 : layer.values[x] / top, y, box.rows);
                if (filled == 0) continue;
                const unsigned row = box.row + box.rows - 1 - y;
                if (!colour) {
                    if (filled >= 4 || y == 0) canvas.put(box.column + x, row, layer.plain);
                    continue;
                }
                if (filled == 8) {
                    canvas.put(box.column + x, row, kEighths[8], {layer.ink});
                    paper = layer.ink;
                } else {
                    canvas.put(box.column + x, row, kEighths[filled], {layer.ink, paper});
                }
            }
        }
    }
}

double round_up(double value) {
    if (value <= 0) return 1;
    const double power = std::pow(10, std::floor(std::log10(value)));
    for (const double step : {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0})
        if (step * power >= value) return step * power;
    return 10 * power;
}

}  // namespace glassgate::gateway::demo
