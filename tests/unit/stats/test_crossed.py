"""The mean of a crossed grid: against sums of squares by loops, and its coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from harness.errors import UsageError
from harness.stats import crossed_mean

FloatArray = npt.NDArray[np.float64]
REPLAYS = 2_000


def draw(
    rng: np.random.RandomState, shape: tuple[int, int], sds: tuple[float, float, float]
) -> FloatArray:
    rows, columns, rest = sds
    effects = rows * rng.standard_normal((shape[0], 1)) + columns * rng.standard_normal(shape[1])
    return np.asarray(effects + rest * rng.standard_normal(shape))


def naive(grid: FloatArray) -> tuple[float, float, float, float]:
    """The mean and the three mean squares, cell by cell."""
    r, c = grid.shape
    mean = sum(grid[i, j] for i in range(r) for j in range(c)) / (r * c)
    of_row = [sum(grid[i, j] for j in range(c)) / c for i in range(r)]
    of_column = [sum(grid[i, j] for i in range(r)) / r for j in range(c)]
    rows = c * sum((m - mean) ** 2 for m in of_row) / (r - 1)
    columns = r * sum((m - mean) ** 2 for m in of_column) / (c - 1)
    left = [(grid[i, j] - of_row[i] - of_column[j] + mean) ** 2 for i in range(r) for j in range(c)]
    return mean, rows, columns, sum(left) / ((r - 1) * (c - 1))


@pytest.mark.parametrize("sds", [(1.0, 0.5, 0.1), (0.0, 1.0, 0.3), (0.0, 0.0, 1.0)])
def test_components_and_half_width_are_those_of_the_mean_squares(
    sds: tuple[float, float, float],
) -> None:
    rng = np.random.RandomState(1)
    for _ in range(20):
        grid = draw(rng, (3, 5), sds)
        mean, rows, columns, rest = naive(grid)
        found = crossed_mean(grid, "supernets and label seeds")
        assert found.value == pytest.approx(mean)
        assert found.row_sd**2 == pytest.approx(max(0.0, rows - rest) / 5, abs=1e-12)
        assert found.column_sd**2 == pytest.approx(max(0.0, columns - rest) / 3, abs=1e-12)
        assert found.rest_sd**2 == pytest.approx(rest)
        t_rows, t_columns = (scipy.stats.t.ppf(0.975, degrees) for degrees in (2, 4))
        beyond = max(0.0, columns - rest)
        half = math.sqrt((t_rows**2 * rows + t_columns**2 * beyond) / 15)
        assert found.interval.low == pytest.approx(mean - half)
        assert found.interval.high == pytest.approx(mean + half)
        assert found.interval.over == "supernets and label seeds"


def test_rows_and_columns_may_change_places() -> None:
    grid = draw(np.random.RandomState(0), (3, 5), (1.0, 0.5, 0.2))
    one, other = crossed_mean(grid), crossed_mean(grid.T)
    assert one.value == pytest.approx(other.value)
    assert one.interval[:3] == pytest.approx(other.interval[:3])
    assert (one.row_sd, one.column_sd) == (other.column_sd, other.row_sd)


def test_it_is_wider_than_the_interval_of_label_seeds_alone_where_supernets_differ() -> None:
    grid = draw(np.random.RandomState(2), (3, 5), (1.0, 0.1, 0.1))
    found = crossed_mean(grid).interval
    held = scipy.stats.t.interval(0.95, 4, grid[0].mean(), scipy.stats.sem(grid[0]))
    assert found.high - found.low > 3.0 * (held[1] - held[0])


def test_an_interval_is_cut_at_the_limits() -> None:
    grid = 0.9 + draw(np.random.RandomState(0), (2, 3), (0.1, 0.1, 0.1))
    assert crossed_mean(grid, limits=(-1.0, 1.0)).interval.high == 1.0


@pytest.mark.parametrize(
    "sds",
    [(0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1), (3, 0.3, 1), (0.3, 3, 1), (3, 3, 0.1)],
    ids=str,
)
@pytest.mark.parametrize("shape", [(2, 5), (3, 5), (3, 20), (5, 5)], ids=str)
def test_its_interval_covers(shape: tuple[int, int], sds: tuple[float, float, float]) -> None:
    rng = np.random.RandomState(sum(shape))
    hits = []
    for _ in range(REPLAYS):
        interval = crossed_mean(draw(rng, shape, sds)).interval
        hits.append(interval.low <= 0.0 <= interval.high)
    error = 3 * math.sqrt(0.95 * 0.05 / REPLAYS)
    assert 0.945 - error <= np.mean(hits) <= 0.985 + error


@pytest.mark.parametrize(
    "grid", [[1.0, 2.0], [[1.0, 2.0]], [[1.0], [2.0]], [[1.0, math.nan], [1.0, 2.0]]]
)
def test_what_is_no_grid_is_refused(grid: list[object]) -> None:
    with pytest.raises(UsageError, match="at least two seeds on each side"):
        crossed_mean(np.asarray(grid, dtype=np.float64))
