"""A figure as data, for whatever draws it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

T = TypeVar("T")
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
    """

    name: str
    title: str
    caption: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    categories: tuple[str, ...] | None = None
    is_y_reversed: bool = False

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
