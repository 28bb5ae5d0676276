"""The chart of a run: one panel of bars for each workload."""

from __future__ import annotations

from html import escape

from .plan import CLAIMED
from .report import DATABASES, Report, number

# `orders` is highlighted, the ceiling is muted.
COLOURS = {"orders": "#1769aa", "ceiling": "#d0d4d9"}
OTHERS = "#8a949e"
INK, FAINT = "#1c2329", "#5a6570"

PANELS = (
    ("postgres", "new", 64), ("postgres", "hot", 64),
    ("postgres", "new", 256), ("postgres", "cold", 64),
    ("postgres", "new", 1), ("postgres", "apart", 1),
    ("sqlite", "new", 64), ("sqlite", "hot", 64),
)
TITLES = {"new": "New orders", "apart": "New orders, client apart", "hot": "Replays of one key",
          "cold": "Replays of cold keys"}

WIDTH, PANEL, MARGIN, LABEL, BAR, GAP = 960, 440, 28, 88, 20, 7


def _text(x: float, y: float, text: str, size: int = 13, fill: str = INK, **more: str) -> str:
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}"'
    return f"<text {place}{attributes}>{escape(text)}</text>"


def _panel(report: Report, panel: tuple[str, str, int], x: float, y: float) -> tuple[str, float]:
    database, workload, connections = panel
    bars = [
        (peer, rate) for peer in report.peers(database, workload)
        if (rate := report.figure(database, workload, connections, peer)) is not None
    ]
    if not bars:
        return "", 0
    ours = dict(bars).get("orders")
    # The bar of the ceiling is cut off: it would make the others small.
    longest = max(rate for peer, rate in bars if peer != "ceiling") * 1.25
    space = PANEL - LABEL - 155
    clients = "one client" if connections == 1 else f"{connections} connections"
    parts = [_text(x, y, TITLES[workload], 15, font_weight="600"),
             _text(x + PANEL, y, f"{DATABASES[database]}, {clients}", 12, FAINT,
                   text_anchor="end")]
    y += 14
    for peer, rate in sorted(bars, key=lambda bar: -bar[1]):
        length = max(1.0, min(1.0, rate / longest) * space)
        colour = COLOURS.get(peer, OTHERS)
        weight = {"font_weight": "600"} if peer == "orders" else {}
        parts.append(_text(x + LABEL - 8, y + 15, peer, text_anchor="end", **weight))
        parts.append(f'<rect x="{x + LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" '
                     f'fill="{colour}" rx="2"/>')
        if rate > longest:
            cut = x + LABEL + length - 14
            parts.append(f'<path d="M{cut} {y - 1}l6 {BAR + 2}h5l-6 -{BAR + 2}z" fill="#fff"/>')
        end = x + LABEL + length + 7
        parts.append(_text(end, y + 15, f"{number(rate)}/s", **weight))
        if ours and peer != "orders":
            share = ours / rate
            text = f"ours ×{share:.1f}" if share >= 1 else f"ours ×{share:.2f}"
            parts.append(_text(x + PANEL, y + 15, text, 12, FAINT, text_anchor="end"))
        y += BAR + GAP
    return "\n".join(parts), 14 + len(bars) * (BAR + GAP)


def svg(report: Report) -> str:
    rounds = report.options["rounds"]
    parts = [
        _text(MARGIN, 36, "Requests per second", 20, font_weight="600"),
        _text(MARGIN, 57, "{date} · {cores} cores, everything on one machine · fsync on, "
              "synchronous commit on".format_map(report.machine)
              + f" · medians of {rounds} or {CLAIMED * rounds} × {report.options['seconds']:g} s",
              12, FAINT),
    ]
    y = 100.0
    panels = [panel for panel in PANELS if _panel(report, panel, 0, 0)[1]]
    for left in range(0, len(panels), 2):
        tallest = 0.0
        for column, panel in enumerate(panels[left:left + 2]):
            drawn, height = _panel(report, panel, MARGIN + column * (WIDTH - PANEL - 2 * MARGIN), y)
            parts.append(drawn)
            tallest = max(tallest, height)
        y += tallest + 44
    height = y - 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" font-family="system-ui, sans-serif">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
