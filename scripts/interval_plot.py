"""Draws medians with their intervals as an SVG, without any library.

A plot has panels side by side, a panel has series, a series has points (x, median, low, high); low and high may be
None. The x are taken as names, one column each; all panels share the y axis.
"""

import html
import math

WIDTH, HEIGHT = 440, 300  # of a panel's inside
LEFT, TOP, GAP, BOTTOM = 60, 56, 36, 54
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by everybody (Okabe and Ito)
GREY = "#767676"


def _text(x, y, text, anchor="middle", size=12, colour="#222222", more=""):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}" {more}>'
        f"{html.escape(str(text))}</text>"
    )


def _line(x1, y1, x2, y2, colour, width=1.0, more=""):
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}" {more}/>'


class _Scale:
    """The y axis: from a round number below all values to one above."""

    def __init__(self, values):
        low, high = min(values), max(values)
        self.step = 10.0 ** math.floor(math.log10(max(high - low, 0.02)))
        for factor in (0.2, 0.5):
            if (high - low) / (self.step * factor) <= 8:
                self.step *= factor
                break
        self.low = math.floor(low / self.step) * self.step
        self.high = math.ceil(high / self.step) * self.step

    def ticks(self):
        count = round((self.high - self.low) / self.step)
        return [self.low + i * self.step for i in range(count + 1)]

    def y(self, value):
        return TOP + HEIGHT * (self.high - value) / (self.high - self.low)


def _panel(left, title, x_label, series, scale, reference_lines):
    parts = [_text(left + WIDTH / 2, TOP - 10, title, size=13)]
    for tick in scale.ticks():
        parts.append(_line(left, scale.y(tick), left + WIDTH, scale.y(tick), "#e4e4e4"))
        parts.append(_text(left - 8, scale.y(tick) + 4, f"{tick:.4g}", "end", 11, GREY))
    for value in reference_lines:
        parts.append(_line(left, scale.y(value), left + WIDTH, scale.y(value), GREY, 1, 'stroke-dasharray="5 4"'))
    names = list(dict.fromkeys(point[0] for points in series.values() for point in points))
    column = WIDTH / max(len(names), 1)
    for i, name in enumerate(names):
        parts.append(_text(left + column * (i + 0.5), TOP + HEIGHT + 18, name, colour=GREY))
    parts.append(_text(left + WIDTH / 2, TOP + HEIGHT + 40, x_label))
    for number, points in enumerate(series.values()):
        colour = COLOURS[number % len(COLOURS)]
        shift = 8 * (number - (len(series) - 1) / 2)  # so that intervals do not hide each other
        places = [(left + column * (names.index(x) + 0.5) + shift, *values) for x, *values in points]
        path = " ".join(f"{x:.1f},{scale.y(median):.1f}" for x, median, _, _ in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5" opacity="0.6"/>')
        for x, median, low, high in places:
            if low is not None:
                parts.append(_line(x, scale.y(low), x, scale.y(high), colour, 2))
            parts.append(f'<circle cx="{x:.1f}" cy="{scale.y(median):.1f}" r="3.5" fill="{colour}"/>')
    return parts


def draw(title, x_label, panels, reference_lines):
    """The SVG as text. panels: title -> series name -> points; all panels have the same series, in the same order."""
    points = [point for series in panels.values() for points in series.values() for point in points]
    values = [value for point in points for value in point[1:] if value is not None]
    scale = _Scale([*values, *reference_lines])
    width = LEFT + len(panels) * (WIDTH + GAP)
    height = TOP + HEIGHT + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 22, title, "start", 14),
    ]
    names = list(next(iter(panels.values())))
    for number, name in enumerate(reversed(names)):
        colour = COLOURS[(len(names) - 1 - number) % len(COLOURS)]
        parts.append(_text(width - GAP - 120 * number, 22, name, "end", 12, colour, 'font-weight="bold"'))
    for number, (panel_title, series) in enumerate(panels.items()):
        parts += _panel(LEFT + number * (WIDTH + GAP), panel_title, x_label, series, scale, reference_lines)
    return "\n".join([*parts, "</svg>\n"])
