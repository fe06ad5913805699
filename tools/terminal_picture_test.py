#!/usr/bin/env python3
"""What the picture tool understands of terminal output."""
import pathlib
import sys
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from terminal_picture import last_panel, parse, picture  # noqa: E402

rows = parse("\x1b[1;38;5;167mab\x1b[0m c\n\x1b[?25h\x1b[48;2;1;2;3md\n\n")
assert [[c for c, _ in row] for row in rows] == [["a", "b", " ", "c"], ["d"]], rows
assert rows[0][0][1] == ("#d75f5f", None, True, False), rows[0][0]
assert rows[0][3][1][2] is False and rows[1][0][1][1] == "#010203"

svg = picture("\x1b[31m<&\x1b[0m ▄█░", title="a & b")
xml.dom.minidom.parseString(svg)  # well formed
assert "&lt;&amp;" in svg and "a &amp; b" in svg
assert svg.count("<rect") == 1 + 3, "the paper and one rectangle for each block element"

assert last_panel("x\n\n Glassgate · 1\na\n\n Glassgate · 2\nb\n\nsummary") == " Glassgate · 2\nb"
