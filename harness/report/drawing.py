"""One figure of a report, drawn with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from harness.report.figure import Figure, Series
from harness.report.palette import Style, style_of

WIDTH_IN, HEIGHT_IN = 3.4, 2.5
"""A column of a two-column paper."""
PANEL_IN = 1.75
"""Height of one of several panels."""
MANY_POINTS = 100
"""Series with more points get a panel each, because they would hide each other."""
DENSE = 2000
"""Series with more points are drawn smaller and fainter."""
LONGEST_LABEL, LONGEST_TITLE = 44, 24
MOST_TICKS = 6
"""Numbers such as 100,000 that have room below a column."""
LONGEST_LEVEL = 3
"""Category names longer than this are slanted."""

_REFERENCE_LINES = ((2.0, 2.0), (6.0, 2.0, 1.0, 2.0), (1.0, 2.0))
_REFERENCE_MARKS = "|x+"
_GREY = "#6A6A6A"


def draw(figure: Figure, places: dict[str, int]) -> Canvas:
    """Draw one figure.

    Args:
        figure: What is drawn.
        places: The place in `Report.labels` of each estimator's label.

    Returns:
        A matplotlib figure without a window.
    """
    panels = _split_panels(figure)
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    height = PANEL_IN * rows if columns > 1 else _height(figure)
    canvas = Canvas(figsize=(WIDTH_IN, height), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for panel, series in zip(axes, panels, strict=False):
        _fill(panel, figure, series, places)
    for unused in axes[len(panels) :]:
        unused.set_axis_off()
    if len(panels) > 1:
        canvas.supxlabel(figure.x_label, fontsize=7)
        canvas.supylabel(figure.y_label, fontsize=7)
    else:
        axes[0].set_xlabel(figure.y_label if figure.is_dots else figure.x_title)
        axes[0].set_ylabel("" if figure.is_dots else figure.y_label)
        _add_legend(canvas, axes[0], figure, places)
    return canvas


def _height(figure: Figure) -> float:
    """Return the height of a figure of one panel in inches, with room for its legend."""
    legend = 0.14 * math.ceil(len(figure.series) / _legend_columns(figure))
    if not figure.is_dots:
        return HEIGHT_IN + max(0.0, legend - 0.28)
    return 0.6 + legend + (0.12 + 0.085 * figure.n_lanes) * len(figure.categories or ())


def _legend_columns(figure: Figure) -> int:
    longest = max(len(shorten(series.label)) for series in figure.series)
    return min(1 if longest > 36 else 2 if longest > 18 else 3, len(figure.series))


def _split_panels(figure: Figure) -> list[tuple[Series, ...]]:
    if max(len(series.x) for series in figure.series) > MANY_POINTS and any(
        series.kind == "points" for series in figure.series
    ):
        return [(series,) for series in figure.series]
    return [figure.series]


def _fill(axes: Axes, figure: Figure, series: Sequence[Series], places: dict[str, int]) -> None:
    """Draw some series, side by side within each category."""
    for number, one in enumerate(series):
        style = style_of(places.get(one.label, 0))
        colour = style.print_colour
        lanes = figure.n_lanes
        if figure.is_dots:
            offset = 0.7 * ((min(number, lanes - 1) + 0.5) / lanes - 0.5)
            is_reference = one.kind == "reference"
            marks = figure.reference_look(one, _REFERENCE_MARKS) if is_reference else style.marker
            _draw_dots(axes, one, offset, marks, colour)
        elif one.kind == "reference":
            dash = figure.reference_look(one, _REFERENCE_LINES)
            at = [figure.place_x(x) for x in one.x]
            axes.plot(at, _gaps(one.y), color=_GREY, linewidth=0.8, dashes=dash)
        elif len(one.x) > MANY_POINTS and one.kind == "points":
            _draw_cloud(axes, one, style)
        else:
            is_moved = figure.categories is not None and one.low is not None
            step = 0.06 * (number - (lanes - 1) / 2) if is_moved else 0.0
            placed = replace(one, x=tuple(figure.place_x(x) + step for x in one.x))
            _draw_line(axes, placed, style, has_bars=figure.categories is not None)
    if figure.is_y_reversed:
        axes.yaxis.set_inverted(True)
    _set_ticks(axes, figure)


def _look_of(one: Series, style: Style) -> dict[str, Any]:
    """Return how a series looks, in the figure and in its legend."""
    dash = (0.0, style.dash) if style.dash else "-"
    return {
        "color": style.print_colour,
        "linestyle": "none" if one.kind == "points" else dash,
        "linewidth": 1.0,
        "marker": style.marker,
        "markersize": 3.0,
    }


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _draw_dots(axes: Axes, one: Series, offset: float, marker: str, colour: str) -> None:
    """Draw the values of categories horizontally, with intervals as bars."""
    is_reference = one.kind == "reference"
    heights = [x + offset for x in one.x]
    for x, *ends in one.intervals():
        axes.plot(ends, (x + offset, x + offset), color=colour, linewidth=0.8)
    axes.plot(
        _gaps(one.y),
        heights,
        linestyle="none",
        marker=marker,
        markersize=3.5 if is_reference else 3.0,
        color=_GREY if is_reference else colour,
        markeredgewidth=0.8 if is_reference else 0.4,
    )


def _draw_cloud(axes: Axes, one: Series, style: Style) -> None:
    is_dense = len(one.x) > DENSE
    axes.scatter(
        one.x,
        _gaps(one.y),
        s=1.2 if is_dense else 3.0,
        color=style.print_colour,
        alpha=0.35 if is_dense else 0.6,
        linewidths=0,
        rasterized=True,  # 15,625 marks as paths are megabytes
    )
    axes.set_title(shorten(one.label, LONGEST_TITLE), fontsize=6.5)


def _draw_line(axes: Axes, one: Series, style: Style, *, has_bars: bool = False) -> None:
    """Draw a line with its band, or marks with bars."""
    colour, values = style.print_colour, _gaps(one.y)
    if one.low is not None and one.high is not None and one.kind == "line" and not has_bars:
        low, high = _gaps(one.low), _gaps(one.high)
        axes.fill_between(one.x, low, high, color=colour, alpha=0.18, linewidth=0)
    else:
        for x, *ends in one.intervals():
            axes.plot((x, x), ends, color=colour, linewidth=0.8)
    axes.plot(one.x, values, markevery=max(1, len(one.x) // 12), **_look_of(one, style))


def _set_ticks(axes: Axes, figure: Figure) -> None:
    names = figure.categories
    if figure.is_x_log:
        low, high = axes.get_xlim()
        shown = [tick for tick in figure.log_ticks if low <= tick[0] <= high]
        shown = shown[:: math.ceil(len(shown) / MOST_TICKS)]
        axes.set_xticks(*zip(*shown, strict=True))
        axes.set_xlim(low, high)
    elif names is None:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    elif figure.is_dots:
        axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(axis="x", linewidth=0.4, color="#DDDDDD")
    else:
        axes.set_xticks(range(len(names)), names)
        if max(map(len, names)) > LONGEST_LEVEL:
            for label in axes.get_xticklabels():
                label.set(rotation=35, horizontalalignment="right", rotation_mode="anchor")
    axes.set_axisbelow(True)


def _add_legend(canvas: Canvas, axes: Axes, figure: Figure, places: dict[str, int]) -> None:
    handles = list(_handles(figure, places))
    labels = [shorten(series.label) for series in figure.series]
    # Labels are set afterwards: matplotlib drops those that begin with an underscore.
    legend = canvas.legend(
        handles,
        [f"{number}" for number in range(len(labels))],
        loc="outside upper left",
        ncols=_legend_columns(figure),
        frameon=False,
        fontsize=6.5,
        handlelength=2.6,
        borderaxespad=0.2,
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_parse_math(False)
        text.set_text(label)


def _handles(figure: Figure, places: dict[str, int]) -> Iterator[Line2D]:
    for one in figure.series:
        if one.kind != "reference":
            yield Line2D([], [], **_look_of(one, style_of(places.get(one.label, 0))))
        elif figure.is_dots:
            mark = figure.reference_look(one, _REFERENCE_MARKS)
            yield Line2D([], [], color=_GREY, linestyle="none", marker=mark, markersize=3.5)
        else:
            dash = figure.reference_look(one, _REFERENCE_LINES)
            yield Line2D([], [], color=_GREY, linestyle=(0, dash), linewidth=0.8)


def shorten(label: str, longest: int = LONGEST_LABEL) -> str:
    """Shorten a label that is too long for a column, in its middle."""
    if len(label) <= longest:
        return label
    half = (longest - 1) // 2
    return f"{label[:half]}\N{HORIZONTAL ELLIPSIS}{label[-half:]}"
