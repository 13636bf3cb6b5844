"""Axes: where a value lies, and which values have ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

MARGIN = 0.04
"""Share of an axis that is left free at each end."""


class Scale(NamedTuple):
    """A linear axis.

    Attributes:
        low: The value at its start.
        high: The value at its end; more than `low`.
        start: Where it starts, pixels.
        end: Where it ends, pixels; less than `start` where values grow upwards.
    """

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of a value in pixels, to a tenth."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def fit_scale(values: Iterable[float], start: float, end: float) -> Scale:
    """Make an axis that holds all values with a margin.

    Args:
        values: Finite numbers; none for an axis from 0 to 1.
        start: Where it starts, pixels.
        end: Where it ends.

    Returns:
        The axis.
    """
    found = list(values)
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if not math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-12):
        free = MARGIN * (high - low)
    else:
        free = abs(low) / 10 or 1.0
    return Scale(low - free, high + free, start, end)


def choose_ticks(scale: Scale, n: int) -> list[float]:
    """Choose round tick values that divide an axis into about n parts, ascending."""
    rough = (scale.high - scale.low) / n
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * (1 - 1e-9))
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def write_ticks(ticks: list[float]) -> list[str]:
    """Write tick values, all with as many decimals as they need to differ."""
    if len(ticks) < 2:
        return [f"{tick:.6g}" for tick in ticks]
    step = ticks[1] - ticks[0]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if not math.isclose(round(step, digits), step, rel_tol=1e-6):
        digits += 1  # steps of 0.25, for example
    return [f"{tick + 0.0:,.{digits}f}".replace("-", "\N{MINUS SIGN}") for tick in ticks]
