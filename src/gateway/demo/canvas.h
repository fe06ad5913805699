// Canvas: a rectangle of terminal cells with colours, and its text with or without ANSI sequences.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glassgate::gateway::demo {

// A colour of the terminal's 256, or none.
using Shade = int16_t;
inline constexpr Shade kNoShade = -1;
namespace shade {
inline constexpr Shade kGreen = 71, kYellow = 179, kRed = 167, kBlue = 74, kGrey = 245, kDark = 238,
                       kWhite = 255, kBar = 24, kPurple = 140;
}

struct Style {
    Shade ink = kNoShade, paper = kNoShade;
    bool bold = false;
    bool operator==(const Style&) const = default;
};

// How many cells a text takes: one for each code point. The panel uses no wide characters; what
// comes from outside has been escaped to printable text, where a wide one would only be misplaced.
[[nodiscard]] std::size_t cells_of(std::string_view utf8) noexcept;
// At most `cells` of it, with an ellipsis where something is cut.
[[nodiscard]] std::string fit(std::string_view utf8, std::size_t cells);

class Canvas {
public:
    Canvas(unsigned width, unsigned height);
    [[nodiscard]] unsigned width() const noexcept { return width_; }
    [[nodiscard]] unsigned height() const noexcept { return height_; }

    // Writes to the right; what does not fit is cut. Returns the column behind the text.
    unsigned put(unsigned column, unsigned row, std::string_view utf8, Style style = {});
    // So that the text ends before column `end`.
    void put_right(unsigned end, unsigned row, std::string_view utf8, Style style = {});
    void fill(unsigned column, unsigned row, unsigned cells, Style style);
    // A frame of `columns` x `rows` with a title in its upper line.
    void frame(unsigned column, unsigned row, unsigned columns, unsigned rows,
               std::string_view title, Style style);

    // One line per row, each without trailing blanks unless coloured, separated by '\n'.
    [[nodiscard]] std::string text(bool colour) const;

private:
    struct Cell {
        char bytes[4] = {' ', 0, 0, 0};
        uint8_t size = 1;
        Style style;
    };
    unsigned width_, height_;
    std::vector<Cell> cells_;
};

}  // namespace glassgate::gateway::demo
