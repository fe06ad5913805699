#include "gateway/demo/canvas.h"

#include <algorithm>

namespace glassgate::gateway::demo {
namespace {

std::size_t sequence_bytes(unsigned char first) noexcept {
    if (first < 0x80) return 1;
    if (first >= 0xF0) return 4;
    return first >= 0xE0 ? 3 : 2;
}

void append_style(std::string& out, const Style& style) {
    out += "\x1b[0";
    if (style.bold) out += ";1";
    if (style.ink != kNoShade) out += ";38;5;" + std::to_string(style.ink);
    if (style.paper != kNoShade) out += ";48;5;" + std::to_string(style.paper);
    out += 'm';
}

}  // namespace

std::size_t cells_of(std::string_view utf8) noexcept {
    return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

std::string fit(std::string_view utf8, std::size_t cells) {
    if (cells_of(utf8) <= cells) return std::string(utf8);
    std::string out;
    for (std::size_t at = 0, used = 0; at < utf8.size() && used + 1 < cells; ++used) {
        const std::size_t bytes = sequence_bytes(static_cast<unsigned char>(utf8[at]));
        out += utf8.substr(at, bytes);
        at += bytes;
    }
    return cells == 0 ? out : out + "…";
}

Canvas::Canvas(unsigned width, unsigned height)
    : width_(width), height_(height), cells_(std::size_t{width} * height) {}

unsigned Canvas::put(unsigned column, unsigned row, std::string_view utf8, Style style) {
    if (row >= height_) return column;
    for (std::size_t at = 0; at < utf8.size() && column < width_; ++column) {
        const std::size_t bytes =
            std::min(sequence_bytes(static_cast<unsigned char>(utf8[at])), utf8.size() - at);
        Cell& cell = cells_[std::size_t{row} * width_ + column];
        std::copy_n(utf8.data() + at, bytes, cell.bytes);
        cell.size = static_cast<uint8_t>(bytes);
        cell.style = style;
        at += bytes;
    }
    return column;
}

void Canvas::put_right(unsigned end, unsigned row, std::string_view utf8, Style style) {
    const auto cells = static_cast<unsigned>(cells_of(utf8));
    put(end > cells ? end - cells : 0, row, utf8, style);
}

void Canvas::fill(unsigned column, unsigned row, unsigned cells, Style style) {
    for (unsigned i = 0; i < cells; ++i) put(column + i, row, " ", style);
}

void Canvas::frame(unsigned column, unsigned row, unsigned columns, unsigned rows,
                   std::string_view title, Style style) {
    const unsigned right = column + columns - 1, bottom = row + rows - 1;
    for (unsigned x = column + 1; x < right; ++x) {
        put(x, row, "─", style);
        put(x, bottom, "─", style);
    }
    for (unsigned y = row + 1; y < bottom; ++y) {
        put(column, y, "│", style);
        put(right, y, "│", style);
    }
    put(column, row, "╭", style);
    put(right, row, "╮", style);
    put(column, bottom, "╰", style);
    put(right, bottom, "╯", style);
    put(column + 2, row, " " + fit(title, columns - 6) + " ", style);
}

std::string Canvas::text(bool colour) const {
    std::string out;
    for (unsigned row = 0; row < height_; ++row) {
        const Cell* line = &cells_[std::size_t{row} * width_];
        unsigned end = width_;
        const auto blank = [&](const Cell& c) {
            return c.size == 1 && c.bytes[0] == ' ' && (!colour || c.style.paper == kNoShade);
        };
        while (end > 0 && blank(line[end - 1])) --end;
        Style now;
        for (unsigned column = 0; column < end; ++column) {
            const Cell& cell = line[column];
            if (colour && cell.style != now) append_style(out, now = cell.style);
            out.append(cell.bytes, cell.size);
        }
        if (colour && now != Style{}) out += "\x1b[0m";
        if (row + 1 < height_) out += '\n';
    }
    return out;
}

}  // namespace glassgate::gateway::demo
