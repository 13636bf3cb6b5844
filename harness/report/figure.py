"""A figure as data: what is drawn, whoever draws it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Numbers = tuple[float | None, ...]


@dataclass(frozen=True)
class Series:
    """One line, or one set of points, of a figure.

    Attributes:
        label: What a legend calls it: that of the estimator, which decides its colour, or of a
            yardstick.
        x: Positions; those of categories count from 0.
        y: Values; None where there is none.
        low: Lower ends of 95% intervals, or None without them.
        high: Upper ends.
        kind: How it is drawn: "line", "points", or "reference", a thin line or mark of a yardstick.
    """

    label: str
    x: tuple[float, ...]
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    kind: Literal["line", "points", "reference"] = "line"


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: A name for its file.
        title: Its title.
        caption: What is seen, on what, in sentences.
        x_label: What the x axis is, with its unit.
        y_label: What the y axis is.
        series: What is drawn, yardsticks last.
        categories: Names of the positions on the x axis; None where it is of numbers.
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


def spread_series(label: str, x: Iterable[float], values: list[list[float]]) -> Series:
    """Make a line of means, with the least and the most of any seed around it."""
    return Series(
        label,
        tuple(map(float, x)),
        tuple(float(np.mean(v)) if v else None for v in values),
        tuple(min(v) if len(v) > 1 else None for v in values),
        tuple(max(v) if len(v) > 1 else None for v in values),
    )
