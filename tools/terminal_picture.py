#!/usr/bin/env python3
"""Turns terminal output with ANSI colours into an SVG picture.

    tmux capture-pane -e -p | tools/terminal_picture.py > picture.svg
    build/release/glassgate demo --plain --color | tools/terminal_picture.py --last > picture.svg

--title TEXT  a title in the window's bar        --last  only what follows the last empty line of
a plain demo's output (one picture of the panel)         that is followed by a panel

Only what such captures contain is understood: SGR sequences and plain text of one cell a character.
Block elements are drawn as rectangles, so that bars have no gaps whatever the font.
"""
import argparse
import re
import sys
from xml.sax.saxutils import escape

CELL_W, CELL_H, FONT = 8.4, 17, 14
PAPER, INK = "#10141a", "#d5dae1"
BASIC = ["#1b2028", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf",
         "#5c6370", "#ff7b86", "#b5e890", "#ffd68a", "#82c6ff", "#d895ef", "#7fd8e4", "#ffffff"]
LOWER = {c: (i + 1) / 8 for i, c in enumerate("▁▂▃▄▅▆▇█")}
LEFT = {c: (7 - i) / 8 for i, c in enumerate("▉▊▋▌▍▎▏")}
SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
SGR = re.compile(r"\x1b\[([0-9;:]*)m")
OTHER = re.compile(r"\x1b(\[[0-9;?]*[A-Za-ln-z]|[()][A-Z0-9]|[=>78])")


def colour(index: int) -> str:
    if index < 16:
        return BASIC[index]
    if index < 232:
        index -= 16
        level = lambda v: 0 if v == 0 else 55 + 40 * v
        return "#%02x%02x%02x" % (level(index // 36), level(index // 6 % 6), level(index % 6))
    return "#%02x%02x%02x" % ((8 + 10 * (index - 232),) * 3)


class Style:
    def __init__(self):
        self.ink, self.paper, self.bold, self.dim, self.swap = None, None, False, False, False

    def apply(self, codes: list[int]) -> None:
        i = 0
        while i < len(codes):
            c = codes[i]
            if c == 0:
                self.__init__()
            elif c == 1:
                self.bold = True
            elif c == 2:
                self.dim = True
            elif c == 7:
                self.swap = True
            elif c == 22:
                self.bold = self.dim = False
            elif c == 27:
                self.swap = False
            elif c in (38, 48) and i + 1 < len(codes):
                if codes[i + 1] == 5 and i + 2 < len(codes):
                    value, i = colour(codes[i + 2]), i + 2
                elif codes[i + 1] == 2 and i + 4 < len(codes):
                    value, i = "#%02x%02x%02x" % tuple(codes[i + 2:i + 5]), i + 4
                else:
                    break
                if c == 38:
                    self.ink = value
                else:
                    self.paper = value
            elif 30 <= c <= 37 or 90 <= c <= 97:
                self.ink = colour(c - 30 if c < 90 else c - 82)
            elif 40 <= c <= 47 or 100 <= c <= 107:
                self.paper = colour(c - 40 if c < 100 else c - 92)
            elif c == 39:
                self.ink = None
            elif c == 49:
                self.paper = None
            i += 1

    def key(self):
        ink, paper = (self.ink or INK), self.paper
        if self.swap:
            ink, paper = (paper or PAPER), ink
        return ink, paper, self.bold, self.dim


def parse(text: str) -> list[list[tuple]]:
    """Rows of (character, (ink, paper, bold, dim)); a style lasts over the end of a line."""
    rows, style = [], Style()
    for line in OTHER.sub("", text).split("\n"):
        row, at = [], 0
        for match in SGR.finditer(line):
            row += [(c, style.key()) for c in line[at:match.start()] if c >= " "]
            style.apply([int(c or 0) for c in re.split("[;:]", match.group(1))])
            at = match.end()
        row += [(c, style.key()) for c in line[at:] if c >= " "]
        rows.append(row)
    while rows and not any(c.strip() for c, _ in rows[-1]):
        rows.pop()
    return rows


def block(c: str):
    """The part of a cell a block element fills: x, y, width, height, opacity."""
    if c in LOWER:
        return 0, 1 - LOWER[c], 1, LOWER[c], 1
    if c in LEFT:
        return 0, 0, LEFT[c], 1, 1
    if c in SHADES:
        return 0, 0, 1, 1, SHADES[c]
    return None


def runs(row: list[tuple], key):
    """Neighbouring cells with the same key: (first column, cells)."""
    start = 0
    for i in range(1, len(row) + 1):
        if i == len(row) or key(row[i]) != key(row[start]):
            yield start, row[start:i]
            start = i


def draw_row(row: list[tuple], y: float, left: float) -> list[str]:
    out = []
    rect = lambda x, top, w, h, fill, opacity=1: out.append(
        f'<rect x="{left + x:.1f}" y="{top:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{fill}"'
        + (f' fill-opacity="{opacity}"' if opacity != 1 else "") + "/>")
    for at, cells in runs(row, lambda cell: cell[1][1]):
        if paper := cells[0][1][1]:
            rect(at * CELL_W, y, len(cells) * CELL_W, CELL_H, paper)
    for at, cells in runs(row, lambda cell: (block(cell[0]), cell[1][0])):
        if part := block(cells[0][0]):
            x, top, w, h, opacity = part
            if w == 1:
                rect(at * CELL_W, y + top * CELL_H, len(cells) * CELL_W, h * CELL_H, cells[0][1][0], opacity)
            else:
                for i in range(len(cells)):
                    rect((at + i) * CELL_W, y, w * CELL_W, CELL_H, cells[0][1][0])
    for at, cells in runs(row, lambda cell: (cell[1], block(cell[0]) is None)):
        text = "".join(c for c, _ in cells)
        if block(cells[0][0]) or not text.strip():
            continue
        at += len(text) - len(text.lstrip())
        text = text.strip()
        ink, _, bold, dim = cells[0][1]
        extra = (' font-weight="bold"' if bold else "") + (' opacity="0.7"' if dim else "")
        out.append(f'<text x="{left + at * CELL_W:.1f}" y="{y + CELL_H - 4.3:.1f}" fill="{ink}"{extra} '
                   f'textLength="{len(text) * CELL_W:.1f}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>')
    return out


def picture(text: str, title: str = "") -> str:
    rows = parse(text)
    columns = max((len(row) for row in rows), default=0)
    margin, bar = 14, 30
    width, height = columns * CELL_W + 2 * margin, len(rows) * CELL_H + bar + margin
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
           f'width="{width:.0f}" height="{height:.0f}" '
           f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT}" xml:space="preserve">',
           f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="{PAPER}"/>']
    out += [f'<circle cx="{18 + 18 * i}" cy="15" r="5.5" fill="{c}"/>'
            for i, c in enumerate(("#e06c75", "#e5c07b", "#98c379"))]
    if title:
        out.append(f'<text x="{width / 2:.0f}" y="20" fill="#8a919c" text-anchor="middle">{escape(title)}</text>')
    for i, row in enumerate(rows):
        out += draw_row(row, bar + i * CELL_H, margin)
    return "\n".join(out) + "\n</svg>\n"


def last_panel(text: str) -> str:
    at = text.rfind("Glassgate ·")
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n\n", at)
    return text[start:end if end >= 0 else None]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--title", default="")
    arguments.add_argument("--last", action="store_true")
    options = arguments.parse_args()
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    sys.stdout.buffer.write(picture(last_panel(text) if options.last else text, options.title).encode())


if __name__ == "__main__":
    main()
