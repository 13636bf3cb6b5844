"""A figure as data, for whatever draws it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np

T = TypeVar("T")
FEW_DECADES = 2.0
"""Fewer have ticks at 2 and 5 as well on a logarithmic axis."""
Numbers = tuple[float | None, ...]


@dataclass(frozen=True)
class Series:
    """One line, or one set of points, of a figure.

    Attributes:
        label: Its name in the legend: an estimator's, which decides its colour, or a yardstick's.
        x: Positions; those of categories count from 0.
        y: Values; None where there is none.
        low: Lower ends of 95% intervals, or None without them.
        high: Upper ends.
        kind: How it is drawn: "line", "points", or "reference", a yardstick's thin line or mark.
    """

    label: str
    x: tuple[float, ...]
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    kind: Literal["line", "points", "reference"] = "line"

    def interval(self, place: int) -> tuple[float, float] | None:
        """Return the interval of the value at a place; None unless both ends are known."""
        if self.low is None or self.high is None:
            return None
        low, high = self.low[place], self.high[place]
        return None if low is None or high is None else (low, high)

    def intervals(self) -> Iterator[tuple[float, float, float]]:
        """Yield x and both ends of each interval that is known."""
        for place, x in enumerate(self.x):
            if (ends := self.interval(place)) is not None:
                yield x, *ends


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: The name of its file.
        title: Its title.
        caption: What it shows, in sentences.
        x_label: What the x axis is, with its unit.
        y_label: What the y axis is.
        series: What is drawn, yardsticks last.
        categories: Names of the positions on the x axis; None if the axis is numeric.
        is_y_reversed: Whether small values are at the top, as of ranks.
        is_x_log: Whether the x axis is logarithmic; 0 is then a decade left of the smallest other.
    """

    name: str
    title: str
    caption: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    categories: tuple[str, ...] | None = None
    is_y_reversed: bool = False
    is_x_log: bool = False

    @property
    def x_title(self) -> str:
        """What stands at the x axis."""
        return f"{self.x_label} (logarithmic)" if self.is_x_log else self.x_label

    @property
    def is_dots(self) -> bool:
        """Whether categories go down the figure, where their names have room."""
        return self.categories is not None and self.series[0].kind == "points"

    @property
    def n_estimators(self) -> int:
        """How many series are not yardsticks."""
        return sum(series.kind != "reference" for series in self.series)

    @property
    def n_lanes(self) -> int:
        """How many rows of marks a category has: all yardsticks share the last."""
        return self.n_estimators + (self.n_estimators < len(self.series))

    def place_x(self, x: float) -> float:
        """Return where a value stands on the x axis."""
        if not self.is_x_log:
            return x
        return math.log10(x) if x > 0.0 else self._log_of_zero

    @cached_property
    def log_ticks(self) -> tuple[tuple[float, str], ...]:
        """Places and names of the ticks of a logarithmic x axis, some beyond the values."""
        values = [x for series in self.series for x in series.x]
        logs = [math.log10(x) for x in values if x > 0.0] or [0.0]
        zero = [(self._log_of_zero, "0")] if 0.0 in values else []
        decades = range(math.floor(min(logs)), math.ceil(max(logs)) + 1)
        steps = (1, 2, 5) if max(logs) - min(logs) < FEW_DECADES else (1,)
        ticks = (step * 10.0**k for k in decades for step in steps)
        return (*zero, *((math.log10(x), f"{x:,.10g}") for x in ticks))

    @cached_property
    def _log_of_zero(self) -> float:
        logs = [math.log10(x) for series in self.series for x in series.x if x > 0.0]
        return math.floor(min(logs, default=0.0)) - 1.0

    def reference_look(self, series: Series, looks: Sequence[T]) -> T:
        """Return the look of a yardstick, by its order among them; looks repeat after the last."""
        references = [one for one in self.series if one.kind == "reference"]
        return looks[references.index(series) % len(looks)]


def make_series(
    label: str,
    x: Iterable[float],
    values: Iterable[float | None],
    ends: Iterable[Any],
    kind: Literal["line", "points"] = "line",
) -> Series:
    """Make a series of values with the ends of their intervals, (low, high, ...) or None."""
    found = list(ends)
    low, high = (tuple(e and e[place] for e in found) for place in (0, 1))
    return Series(label, tuple(map(float, x)), tuple(values), low, high, kind)


def spread_series(label: str, x: Iterable[float], values: list[list[float]]) -> Series:
    """Make a line of means, with a band from the lowest to the highest seed."""
    means = (float(np.mean(v)) if v else None for v in values)
    return make_series(label, x, means, [(min(v), max(v)) if len(v) > 1 else None for v in values])
