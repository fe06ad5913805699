"""The main table as an SVG: CPU per request, a group of bars for each row of features.

Lower part of a bar: time in the kernel, the same socket calls for all. Upper part: the proxy's own
code. The whisker is the lowest and the highest round. Colours and text suit a light and a dark page."""
import html

import statistics_of as stat

COLOURS = {"glassgate": "#2f81f7", "nginx": "#3f9142", "nginx-lua": "#7cb342", "haproxy": "#c2760c", "l4": "#8b949e"}
NAMES = {"glassgate": "Glassgate", "nginx": "nginx", "nginx-lua": "nginx + Lua", "haproxy": "HAProxy", "l4": "L4 forwarder"}
INK = "#808890"
WIDTH, LEFT, TOP, PLOT_HEIGHT, BAR, GAP, GROUP_GAP = 960, 56, 84, 260, 24, 5, 30


def groups_of(cells) -> list[tuple[str, list]]:
    """By row, in the order measured; Caddy is beyond the scale and named in the text below."""
    rows: dict[str, list] = {}
    for cell in cells:
        if cell["proxy"] in COLOURS and stat.good(cell["slices"]):
            rows.setdefault("floor" if cell["proxy"] == "l4" else cell["feature"], []).append(cell)
    order = list(COLOURS)
    return [(row, sorted(of_row, key=lambda c: order.index(c["proxy"]))) for row, of_row in rows.items()]


def text(x, y, words, size=12, anchor="middle", weight="normal") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{INK}">{html.escape(str(words))}</text>')


def bar(x: float, cell, scale: float) -> list[str]:
    slices, colour = cell["slices"], COLOURS[cell["proxy"]]
    us, user = stat.middle(slices, "us"), stat.user_share(slices)
    found = stat.values(slices, "us")
    floor = TOP + PLOT_HEIGHT
    at = lambda value: floor - value * scale  # noqa: E731
    kernel, middle = us * (1 - user), x + BAR / 2
    title = f'{NAMES[cell["proxy"]]}, {cell["feature"]}: {stat.spread(found)} µs, of it {us * user:.1f} in its own code'
    return [f"<g><title>{html.escape(title)}</title>",
            f'<rect x="{x:.1f}" y="{at(kernel):.1f}" width="{BAR}" height="{kernel * scale:.1f}" fill="{colour}" fill-opacity="0.45"/>',
            f'<rect x="{x:.1f}" y="{at(us):.1f}" width="{BAR}" height="{us * user * scale:.1f}" fill="{colour}"/>',
            f'<path d="M{middle:.1f} {at(min(found)):.1f}V{at(max(found)):.1f}M{middle - 4:.1f} {at(min(found)):.1f}h8'
            f'M{middle - 4:.1f} {at(max(found)):.1f}h8" stroke="{INK}" stroke-width="1.5" fill="none"/>',
            text(middle, at(max(found)) - 5, f"{us:.1f}", 10), "</g>"]


def axis(top_us: float, scale: float) -> list[str]:
    parts = []
    for us in range(0, int(top_us) + 1, 10):
        y = TOP + PLOT_HEIGHT - us * scale
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - 16}" stroke="{INK}" stroke-opacity="0.25"/>')
        parts.append(text(LEFT - 8, y + 4, us, 11, "end"))
    return parts


def legend(names) -> list[str]:
    parts, x = [], LEFT
    for name in names:
        parts.append(f'<rect x="{x}" y="50" width="12" height="12" fill="{COLOURS[name]}"/>')
        parts.append(text(x + 18, 60, NAMES[name], 12, "start"))
        x += 38 + 7 * len(NAMES[name])
    parts.append(text(x + 8, 60, "solid: its own code, pale: kernel, whisker: lowest and highest round", 12, "start"))
    return parts


def footnote(cells) -> str:
    caddy = {c["feature"]: stat.middle(c["slices"], "us") for c in cells if c["proxy"] == "caddy" and stat.good(c["slices"])}
    beyond = f"Beyond the scale: Caddy, {min(caddy.values()):.0f}–{max(caddy.values()):.0f} µs. " if caddy else ""
    return beyond + "The request id, traceparent and X-Forwarded-For are in every row but the L4 forwarder's."


def svg(data) -> str:
    cells = [cell for cell in data["main"] if not cell["rate"]]
    groups = groups_of(cells)
    if not groups:
        return ""
    top_us = max(max(stat.values(cell["slices"], "us")) for _, group in groups for cell in group) * 1.08
    scale = PLOT_HEIGHT / top_us
    parts, x = axis(top_us, scale), LEFT + 14
    for row, group in groups:
        began = x
        for cell in group:
            parts += bar(x, cell, scale)
            x += BAR + GAP
        parts.append(text((began + x - GAP) / 2, TOP + PLOT_HEIGHT + 20, row, 13))
        x += GROUP_GAP
    present = [name for name in COLOURS if any(cell["proxy"] == name for _, group in groups for cell in group)]
    machine = data["machine"]
    load = cells[0]
    head = f"CPU µs per request, saturated, {load['connections']} connections, {len(load['slices'])} interleaved rounds"
    height = TOP + PLOT_HEIGHT + 62
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            'font-family="system-ui, sans-serif">\n<title>' + html.escape(head) + "</title>\n" +
            "\n".join([text(LEFT, 26, head, 16, "start", "bold"), *legend(present), *parts,
                       text(LEFT, height - 12, f"{footnote(cells)} {machine['CPU'].split(';')[0]}, kernel {machine['kernel'].split('-')[0]}.",
                            11, "start")]) + "\n</svg>\n")
