"""The page's charts: SVG that is styled, printed and scaled like the text around it.

Colours are classes, `s0` to `s7` by the place of the estimator, so that CSS alone sets the theme;
every mark carries its numbers in `data-tip`. The charts need no script.

The figures for print are matplotlib's (`report.drawing`). Here it would cost more than it saves:
for the 16 charts of a small report 1.2 s instead of 7 ms, and 180 kB instead of 45 kB, from which
styles (the page's policy forbids them), colours and repeated ids would then have to be taken out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from harness.report.figure import Figure, Series
from harness.report.page.scales import Scale, choose_ticks, fit_scale, write_ticks
from harness.report.palette import style_of

WIDE, NARROW = 720, 350
"""Widths of the drawings, pixels: for screens and paper, and for phones."""
LANE = 13
"""Height of a lane of marks, pixels; `estimators.js` has it too."""

_TICK = Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>')
_GRID = Markup('<line class="grid" x1="{}" y1="{}" x2="{}" y2="{}"/>')
_DOWN = Markup('<line class="grid down" x1="{}" y1="6" x2="{}" y2="{}"/>')
_TITLE = Markup('<text class="axis" x="{}" y="{}" text-anchor="{}">{}</text>')
_BAR = Markup('<line class="bar {}" x1="{}" y1="{}" x2="{}" y2="{}"/>')
_MARK = Markup('<path class="mark {}" d="{}"/>')
_HIT = Markup('<circle class="hit" cx="{}" cy="{}" r="8" data-tip="{}"/>')
_LINE = Markup('<path class="line {}" d="{}" stroke-dasharray="{}"/>')
_OF = Markup('<g data-series="{}">{}</g>')
_LANE = Markup('<g class="lane" data-series="{}">{}</g>')
_ROW = Markup('<g class="row">{}</g>')
_FOOT = Markup('<g class="foot">{}</g>')
_BAND = Markup('<path class="band {}" d="{}"/>')

_SHAPES: dict[str, str] = {
    "o": "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
    "s": "m-3.5 -3.5h7v7h-7z",
    "^": "m0 -4.5l4.5 8h-9z",
    "D": "m0 -5l5 5l-5 5l-5 -5z",
    "v": "m0 4.5l4.5 -8h-9z",
    "P": "m-1.5 -4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
    "X": "m-4.5 -2.5l2 -2l2.5 2.5l2.5 -2.5l2 2l-2.5 2.5l2.5 2.5l-2 2l-2.5 -2.5l-2.5 2.5l-2 -2"
    "l2.5 -2.5z",
    "*": "m0 -5.5l1.5 3.6l3.8 0.3l-2.9 2.5l0.9 3.8l-3.3 -2l-3.3 2l0.9 -3.8l-2.9 -2.5l3.8 -0.3z",
}
_REFERENCES = (
    ("m0 -5v10", "3 3"),
    ("m-4 -4l8 8m0 -8l-8 8", "8 3 2 3"),
    ("m0 -5v10m-5 -5h10", "1 3"),
)
"""Shapes and dashes of yardsticks."""


class Look(NamedTuple):
    """How a series is drawn.

    Attributes:
        css: Its classes.
        shape: Its mark, as relative commands of an SVG path.
        dash: Its line, as `stroke-dasharray`.
    """

    css: str
    shape: str
    dash: str


class Frame(NamedTuple):
    """The axes and size of a chart.

    Attributes:
        x: The horizontal axis.
        y: The vertical axis.
        width: Width of the chart, pixels.
        height: Height of the chart, pixels.
    """

    x: Scale
    y: Scale
    width: int
    height: int


def look_of(series: Series, figure: Figure, places: dict[str, int]) -> Look:
    """Return how a series is drawn: estimators by place, yardsticks in grey by order."""
    if series.kind == "reference":
        return Look("ref", *figure.reference_look(series, _REFERENCES))
    style = style_of(places[series.label])
    dash = " ".join(f"{2 * length:g}" for length in style.dash)
    return Look(f"s{places[series.label] % 8}", _SHAPES[style.marker], dash)


def draw_key(series: Series, figure: Figure, places: dict[str, int]) -> Markup:
    """Draw the legend's key of a series."""
    look = look_of(series, figure, places)
    parts = []
    if series.kind != "points" and not figure.is_dots:
        parts.append(_LINE.format(look.css, "M1 8h30", look.dash))
    if series.kind != "reference" or figure.is_dots:
        parts.append(_MARK.format(look.css, f"M16 8{look.shape}"))
    svg = '<svg class="key" width="32" height="16" aria-hidden="true">{}</svg>'
    return Markup(svg).format(Markup("").join(parts))


def draw_chart(figure: Figure, places: dict[str, int], width: int) -> Markup:
    """Draw a figure.

    Args:
        figure: What is drawn.
        places: Of each estimator's label, its place in `Report.labels`.
        width: `WIDE` or `NARROW`.

    Returns:
        An `svg` element without an accessible name: the element around it has the caption.
    """
    draw = _draw_dots if figure.is_dots else _draw_curves
    frame, parts = draw(figure, places, width)
    size = "wide" if width == WIDE else "narrow"
    return Markup(
        '<svg class="chart {}" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}</svg>'
    ).format(size, frame.width, frame.height, Markup("\n").join(parts))


def write_point(series: Series, place: int) -> str:
    """Write a value of a series with its interval, or a dash if there is no value."""
    value = series.y[place]
    if value is None:
        return "\N{EN DASH}"
    ends = series.interval(place)
    text = f"{value:.4g}" + ("" if ends is None else f" [{ends[0]:.4g}, {ends[1]:.4g}]")
    return text.replace("-", "\N{MINUS SIGN}")


def _values(figure: Figure) -> Iterator[float]:
    for series in figure.series:
        for numbers in (series.y, series.low or (), series.high or ()):
            yield from (number for number in numbers if number is not None)


def _name_x(figure: Figure, x: float) -> str:
    if figure.categories is not None:
        return f"{figure.x_label} {figure.categories[round(x)]}"
    return f"{figure.x_label} {x:,.5g}"


def _tip(figure: Figure, series: Series, place: int) -> str:
    where = _name_x(figure, series.x[place])
    return f"{series.label}\n{where}\n{figure.y_label} {write_point(series, place)}"


def _draw_dots(figure: Figure, places: dict[str, int], width: int) -> tuple[Frame, list[Markup]]:
    """Draw categories as rows, each with a lane for every estimator and one for the yardsticks.

    Rows and lanes are groups, so that those of an estimator can be taken out (`estimators.js`).
    """
    names = figure.categories or ()
    row = LANE * (figure.n_estimators + 1) + 14
    left = 10 + 6.6 * max(map(len, names))
    frame = Frame(
        fit_scale(_values(figure), left, width - 14),
        Scale(0, len(names), 6, 6 + row * len(names)),
        width,
        6 + row * len(names) + 42,
    )
    lines, foot = _x_marks(frame, frame.y.end)
    foot.append(_TITLE.format(frame.x.end, frame.height - 6, "end", figure.y_label))
    parts = [*lines, _FOOT.format(Markup("").join(foot))]
    for number, name in enumerate(names):
        top, middle = frame.y.at(number), frame.y.at(number + 0.5) + 4
        drawn = [_GRID.format(left, top, frame.x.end, top)]
        text = _TICK.format(left - 8, middle, "end", name.replace("_", " "))
        for place, series in enumerate(figure.series):
            offset = 7 + LANE * (min(place, figure.n_estimators) + 0.5)
            look = look_of(series, figure, places)
            marks = Markup("").join(_dot_marks(figure, series, look, frame, number, offset))
            of = "" if series.kind == "reference" else places[series.label]
            drawn.append(_LANE.format(of, marks))
        parts.append(_ROW.format(Markup("").join([*drawn, text])))
    return frame, parts


def _dot_marks(
    figure: Figure, series: Series, look: Look, frame: Frame, category: int, offset: float
) -> Iterator[Markup]:
    for place, (x, value) in enumerate(zip(series.x, series.y, strict=True)):
        if value is None or x != category:
            continue
        at, height = frame.x.at(value), frame.y.at(x) + offset
        if (ends := series.interval(place)) is not None:
            low, high = map(frame.x.at, ends)
            yield _BAR.format(look.css, low, height, high, height)
        yield _MARK.format(look.css, f"M{at} {height}{look.shape}")
        yield _HIT.format(at, height, _tip(figure, series, place))


def _draw_curves(figure: Figure, places: dict[str, int], width: int) -> tuple[Frame, list[Markup]]:
    height = 340 if width == WIDE else 280
    names = figure.categories
    below = 46 if width == WIDE or names is None else 58  # names may take two lines
    low, high = (-0.4, len(names) - 0.6) if names else (0.0, 1.0)
    y = fit_scale(_values(figure), height - below, 26)
    left = 14 + 7 * max(map(len, write_ticks(choose_ticks(y, 5))))
    x = Scale(low, high, left, width - 14)
    if names is None:
        places_x = (figure.place_x(x) for series in figure.series for x in series.x)
        x = fit_scale(places_x, left, width - 14)
    frame = Frame(x, y, width, height)
    parts = []
    ticks = choose_ticks(frame.y, 5)
    for tick, text in zip(ticks, write_ticks(ticks), strict=True):
        parts.append(_GRID.format(left, frame.y.at(tick), frame.x.end, frame.y.at(tick)))
        parts.append(_TICK.format(left - 8, frame.y.at(tick) + 4, "end", text))
    if figure.is_x_log:
        parts += _log_ticks(figure, frame)
    elif names is None:
        parts += _x_marks(frame, frame.y.start)[1]
    else:
        parts += _category_ticks(names, frame)
    parts.append(_TITLE.format(frame.x.end, frame.height - 6, "end", figure.x_title))
    parts.append(_TITLE.format(4, 14, "start", figure.y_label))
    for number, series in enumerate(figure.series):
        step = 5 * (number - (figure.n_estimators - 1) / 2) if names else 0.0
        step = 0.0 if series.kind == "reference" or series.low is None else step
        drawn = Markup("").join(
            _curve(figure, series, look_of(series, figure, places), frame, step)
        )
        is_own = series.kind != "reference"
        parts.append(_OF.format(places[series.label], drawn) if is_own else drawn)
    return frame, parts


def _x_marks(frame: Frame, bottom: float) -> tuple[list[Markup], list[Markup]]:
    """Return the lines and the numbers of a numeric x axis."""
    ticks = choose_ticks(frame.x, 6 if frame.width == WIDE else 4)
    lines, numbers = [], []
    for tick, text in zip(ticks, write_ticks(ticks), strict=True):
        lines.append(_DOWN.format(frame.x.at(tick), frame.x.at(tick), bottom))
        # The last label may be wider than the space beside it.
        at = min(frame.x.at(tick), frame.width - 1 - 3.5 * len(text))
        numbers.append(_TICK.format(f"{at:g}", bottom + 18, "middle", text))
    return lines, numbers


def _log_ticks(figure: Figure, frame: Frame) -> Iterator[Markup]:
    """Write the ticks of a logarithmic axis, as many as have room."""
    shown = [(x, text) for x, text in figure.log_ticks if frame.x.low <= x <= frame.x.high]
    room = (frame.x.end - frame.x.start) / max(1, len(shown))
    every = math.ceil(max((8.0 * len(text) for _, text in shown), default=1.0) / room)
    for x, text in shown[::every]:
        yield _TICK.format(f"{frame.x.at(x):g}", frame.y.start + 18, "middle", text)


def _category_ticks(names: Sequence[str], frame: Frame) -> Iterator[Markup]:
    """Write the names of categories, alternating between two lines if they would touch."""
    room = (frame.x.end - frame.x.start) / len(names)
    is_tight = 7.0 * max(map(len, names)) > room
    for number, name in enumerate(names):
        lower = 13 * (number % 2) if is_tight else 0
        yield _TICK.format(frame.x.at(number), frame.y.start + 16 + lower, "middle", name)


def _curve(
    figure: Figure, series: Series, look: Look, frame: Frame, step: float
) -> Iterator[Markup]:
    has_bars = figure.categories is not None or series.kind == "points"
    ends = [
        (frame.x.at(figure.place_x(x)) + step, frame.y.at(low), frame.y.at(high))
        for x, low, high in series.intervals()
    ]
    if has_bars:
        for at, low, high in ends:
            yield _BAR.format(look.css, at, low, at, high)
    elif len(ends) > 1:
        up = [f"{at} {high}" for at, _, high in ends]
        down = [f"{at} {low}" for at, low, _ in reversed(ends)]
        yield _BAND.format(look.css, f"M{'L'.join(up + down)}Z")
    found = [(place, value) for place, value in enumerate(series.y) if value is not None]
    points = [
        (frame.x.at(figure.place_x(series.x[p])) + step, frame.y.at(value), p) for p, value in found
    ]
    if series.kind != "points" and points:
        before = {place for _, _, place in points}
        # A line ends where a value is missing.
        steps = (f"{'L' if place - 1 in before else 'M'}{x:g} {y:g}" for x, y, place in points)
        yield _LINE.format(look.css, "".join(steps), look.dash)
    for at, height, place in points:
        if series.kind != "reference":
            yield _MARK.format(look.css, f"M{at:g} {height}{look.shape}")
            yield _HIT.format(f"{at:g}", height, _tip(figure, series, place))
