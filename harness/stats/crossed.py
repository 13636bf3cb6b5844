"""The mean over two crossed sets of seeds: every seed of one with every seed of the other.

A predictor whose features hold a supernet has two sources of chance, the supernet's training and
the labels. Label seeds with one supernet held say nothing of another supernet; a grid of both does:

    y_ij = mean + row_i + column_j + rest_ij

with random rows (supernets) and columns (label seeds), one value a cell, so that what is left
includes their interaction. With MS the mean squares, the variance of the mean of r rows and c
columns is (MS_rows + MS_columns - MS_rest) / (r c).

Axis letters: row, column.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.stats.intervals import Interval, Limits, around, student_quantile


class CrossedMean(NamedTuple):
    """The mean of a crossed grid, and what it varies with.

    Attributes:
        value: The mean over all cells.
        row_sd: Standard deviation between rows; 0 where the estimate of its square is negative.
        column_sd: Likewise between columns.
        rest_sd: Of what is left in a cell.
        interval: 95%, over both.
    """

    value: float
    row_sd: float
    column_sd: float
    rest_sd: float
    interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return self._asdict() | {"interval": self.interval._asdict()}


def crossed_mean(
    values: npt.ArrayLike, over: str = "rows and columns", limits: Limits | None = None
) -> CrossedMean:
    """Compute the mean of a crossed grid, and its interval over rows and columns.

    The half-width is the root of the sum of squares of two: Student's for the mean square of the
    axis with fewer levels (of equally many, the rows), which holds what is left, and for what the
    other's mean square is beyond it. A component that is negative counts as 0, so the standard
    error is never under that of the axis with fewer levels. By simulation
    (`tests/unit/stats/test_crossed.py`) it covers 0.94 to 0.99 with 2 to 5 rows and 3 to 20
    columns, whichever component dominates; one Student's t with Satterthwaite's degrees of freedom
    for the whole covers 0.91 to 0.95 where rows dominate and there are two.

    Args:
        values: One for each row and column, finite, [row, column], at least two of each.
        over: Names both sources of chance.
        limits: Smallest and largest possible value; None for none.

    Returns:
        The mean.

    Raises:
        UsageError: If the shape does not fit, or a value is missing.

    Reference:
        Burdick & Graybill, Confidence intervals on variance components, 1992 (crossed random
        models). Deviation: half-widths are combined as in `harness.stats.uncertainty`, without
        their correction terms.
    """
    grid = np.asarray(values, dtype=np.float64)
    if grid.ndim != 2 or min(grid.shape) < 2 or not np.isfinite(grid).all():
        raise UsageError(
            f"A mean over a crossed grid was requested for values of shape {grid.shape}; it takes "
            "one finite number for each pair of seeds, of at least two seeds on each side. Leave "
            "out the seeds that lack one."
        )
    if grid.shape[0] > grid.shape[1]:
        turned = crossed_mean(grid.T, over, limits)
        return turned._replace(row_sd=turned.column_sd, column_sd=turned.row_sd)
    n_rows, n_columns = grid.shape
    mean, rows, columns = float(grid.mean()), grid.mean(axis=1), grid.mean(axis=0)
    rest = grid - rows[:, None] - columns + mean
    ms_rows = n_columns * float(rows.var(ddof=1))
    ms_columns = n_rows * float(columns.var(ddof=1))
    ms_rest = float((rest**2).sum()) / ((n_rows - 1) * (n_columns - 1))
    parts = ms_rows / grid.size, max(0.0, ms_columns - ms_rest) / grid.size
    half = math.hypot(
        student_quantile(n_rows - 1, 0.975) * math.sqrt(parts[0]),
        student_quantile(n_columns - 1, 0.975) * math.sqrt(parts[1]),
    )
    return CrossedMean(
        value=mean,
        row_sd=math.sqrt(max(0.0, ms_rows - ms_rest) / n_columns),
        column_sd=math.sqrt(max(0.0, ms_columns - ms_rest) / n_rows),
        rest_sd=math.sqrt(ms_rest),
        interval=around(mean, half, math.sqrt(sum(parts)), over, limits),
    )
