"""Fronts, hypervolumes and picks equal naive references."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from harness.errors import UsageError
from harness.stats.trade_off import best_hypervolume, hypervolume, is_on_front, pick

CASES = [(seed, n, steps) for seed in range(6) for n, steps in ((1, 3), (7, 4), (9, 1000), (30, 6))]


def draw(seed: int, n: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Two objectives from 0 to 1, with many ties where steps are few."""
    rng = np.random.RandomState(seed)
    return rng.randint(0, steps + 1, n) / steps, rng.randint(0, steps + 1, n) / steps


def dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a != b


def naive_front(points: list[tuple[float, float]]) -> list[bool]:
    return [not any(dominates(other, own) for other in points) for own in points]


def naive_area(points: list[tuple[float, float]]) -> float:
    """Count the cells of the grid of all coordinates that some point dominates."""
    xs = sorted({0.0, *(x for x, _ in points)})
    ys = sorted({0.0, *(y for _, y in points)})
    return sum(
        (right - left) * (top - bottom)
        for left, right in pairwise(xs)
        for bottom, top in pairwise(ys)
        if any(x >= right and y >= top for x, y in points)
    )


@pytest.mark.parametrize(("seed", "n", "steps"), CASES)
def test_the_front_and_its_area_are_the_naive_ones(seed: int, n: int, steps: int) -> None:
    x, y = draw(seed, n, steps)
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    assert is_on_front(x, y).tolist() == naive_front(points)
    assert hypervolume(x, y) == pytest.approx(naive_area(points), abs=1e-12)


@pytest.mark.parametrize(("seed", "n", "steps"), [case for case in CASES if case[1] < 10])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_the_best_k_are_those_of_all_subsets(seed: int, n: int, steps: int, k: int) -> None:
    x, y = draw(seed, n, steps)
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    expected = max(naive_area(list(some)) for some in combinations(points, min(k, n)))
    assert best_hypervolume(x, y, k) == pytest.approx(expected, abs=1e-12)


def test_a_front_of_fewer_points_than_k_is_the_best() -> None:
    x, y = np.array([0.1, 0.5, 0.9, 0.05]), np.array([0.9, 0.6, 0.2, 0.05])
    assert best_hypervolume(x, y, 50) == pytest.approx(hypervolume(x, y), rel=1e-12)
    assert best_hypervolume(x, y, 2) < hypervolume(x, y)
    assert best_hypervolume([], [], 3) == hypervolume([], []) == 0.0


@pytest.mark.parametrize(("seed", "n", "steps"), CASES)
def test_whole_fronts_are_picked_in_order(seed: int, n: int, steps: int) -> None:
    x, y = draw(seed, n, steps)
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    left, n_picked = list(range(n)), 0
    while left:
        front = [
            i for i, own in zip(left, naive_front([points[i] for i in left]), strict=True) if own
        ]
        n_picked += len(front)
        assert sorted(pick(x, y, n_picked)[-len(front) :].tolist()) == front
        left = [i for i in left if i not in front]


def test_of_the_last_front_the_ends_go_first_then_the_least_crowded() -> None:
    x, y = np.arange(10.0), -np.arange(10.0)
    dense = np.array([0, 1, 2, 3, 30, 31, 32, 33, 34, 35])
    assert set(pick(x, y, 2).tolist()) == {0, 9}
    # Ranks count: a score that is stretched anyhow gives the same picks.
    for scores in (x, np.exp(x), dense.astype(float)):
        assert pick(scores, y, 4).tolist() == pick(x, y, 4).tolist()
    own = np.array([0.0, 1.0, 2.0, 9.0])
    front, behind = np.append(own, [3.0, 4.0, 5.0]), np.append(-own, [-9.5] * 3)
    assert set(pick(front, behind, 3).tolist()) == {0, 3, 2}


@pytest.mark.parametrize("k", [0, 4])
def test_as_many_picks_as_there_are_not_are_refused(k: int) -> None:
    with pytest.raises(UsageError, match=f"{k} picks of 3 architectures"):
        pick([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], k)
