"""The gap curve, against a loop over pairs in exact decimals."""

from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.seeding import draw_places
from harness.stats import GapCurve, concordance_by_gap, gaps
from harness.stats.gaps import GAP_EDGES

FloatArray = npt.NDArray[np.float64]

# Shares are the same rationals, divided once on either side.
TOLERANCE = 1e-12


def naive_pairs(scores: FloatArray, truth: FloatArray) -> list[tuple[Decimal, float]]:
    """Each pair's true gap, exact, and 1, 0.5 or 0 for concordant, tied or not."""
    exact = [Decimal(f"{value:.6f}") for value in truth]
    pairs = []
    for i in range(len(truth)):
        for j in range(i):
            sign = np.sign(scores[i] - scores[j]) * np.sign(float(exact[i] - exact[j]))
            pairs.append((abs(exact[i] - exact[j]), (sign + 1.0) / 2.0))
    return pairs


def naive_bins(pairs: list[tuple[Decimal, float]]) -> list[tuple[int, float | None]]:
    edges = [Decimal(str(edge)) for edge in GAP_EDGES] + [Decimal("Infinity")]
    bins = []
    for low, high in itertools.pairwise(edges):
        inside = [right for gap, right in pairs if low < gap <= high]
        bins.append((len(inside), float(np.mean(inside)) if inside else None))
    return bins


def naive_reliable_gap(pairs: list[tuple[Decimal, float]], fewest: int) -> float | None:
    """Follow the definition of a monotone fit: the largest of the smallest means around a size."""
    sizes: dict[int, list[float]] = {}
    for gap, right in pairs:
        if gap > 0:
            step = int((gap * 100).to_integral_value(ROUND_CEILING))
            sizes.setdefault(step, []).append(right)
    steps = sorted(sizes)
    n_before = np.cumsum([0] + [len(sizes[step]) for step in steps])
    before = np.cumsum([0.0] + [sum(sizes[step]) for step in steps])
    for place, step in enumerate(steps):
        end, start = np.s_[place + 1 :], np.s_[: place + 1, None]
        means = (before[end] - before[start]) / (n_before[end] - n_before[start])
        if means.min(axis=1).max() >= 0.9 - 1e-9 and n_before[-1] - n_before[place] >= fewest:
            return (step - 1) / 100
    return None


def check(curve: GapCurve, pairs: list[tuple[Decimal, float]], fewest: int) -> None:
    for part, (n_pairs, share) in zip(curve.bins, naive_bins(pairs), strict=True):
        assert part.n_pairs == n_pairs
        assert part.concordant == (None if share is None else pytest.approx(share, abs=TOLERANCE))
    assert curve.n_tied == sum(gap == 0 for gap, _ in pairs)
    assert curve.reliable_gap == naive_reliable_gap(pairs, fewest)


def test_the_curve_equals_the_loop_over_pairs() -> None:
    # On a grid of 0.05, so that gaps fall on the edges themselves, and more rows than one block.
    rng = np.random.RandomState(0)
    truth = np.round(rng.choice([0, 1, 2, 5, 7, 20, 41, 100, 160, 260], 90) * 0.05 + 80.0, 6)
    scores = (truth + rng.standard_normal(90)).round(1)
    check(concordance_by_gap(scores, truth), naive_pairs(scores, truth), 435)


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 1200), st.sampled_from([0, 1, 9_999, 5_000])),
        max_size=8,
    )
)
def test_small_curves_with_ties_and_odd_microns_equal_the_loop(
    rows: list[tuple[int, int, int]],
) -> None:
    rows = [*rows, (2, 1_350, 0)]  # bins are narrower where truth spans less than 1
    scores = np.array([float(score) for score, _, _ in rows])
    truth = np.array([(10_000 * step + rest) / 1e6 for _, step, rest in rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaps, "MIN_PAIRS", 3)
        curve = concordance_by_gap(scores, truth)
    check(curve, naive_pairs(scores, truth), 3)


def test_gaps_of_the_whole_scale_equal_the_loop() -> None:
    truth = np.array([0.0, 1e-6, 0.009999, 49.99, 99.99, 99.999999, 100.0])
    scores = np.array([3.0, 1.0, 2.0, 2.0, 9.0, 4.0, 5.0])
    curve = concordance_by_gap(scores, truth)
    check(curve, naive_pairs(scores, truth), 435)


def test_a_perfect_score_is_reliable_from_any_gap_on_and_a_reversed_one_never() -> None:
    truth = np.random.RandomState(0).uniform(10, 94, 100).round(2)
    assert concordance_by_gap(truth, truth).reliable_gap == 0.0
    reversed_curve = concordance_by_gap(-truth, truth)
    assert reversed_curve.reliable_gap is None
    assert {part.concordant for part in reversed_curve.bins if part.n_pairs} == {0.0}


def test_easy_pairs_of_the_bad_tail_do_not_hide_the_hard_ones() -> None:
    # Half of the architectures are at 10%; among the others the score is a coin.
    rng = np.random.RandomState(0)
    truth = np.concatenate([np.full(200, 10.0), rng.uniform(90, 91, 20)])
    scores = np.concatenate([np.full(200, -1.0), rng.uniform(0, 1, 20)])
    curve = concordance_by_gap(scores, truth)
    n_beyond = sum(part.n_pairs for part in curve.bins)
    n_right = sum(part.n_pairs * (part.concordant or 0.0) for part in curve.bins)
    assert n_right / n_beyond > 0.95
    assert curve.reliable_gap is not None
    assert curve.reliable_gap > 0.5


def test_seeds_are_averaged() -> None:
    rng = np.random.RandomState(0)
    truth = rng.uniform(80, 94, 60)
    scores = truth + 3 * rng.standard_normal((3, 60))
    curves = [concordance_by_gap(row, truth) for row in scores]
    mean = concordance_by_gap(scores, truth)
    for place, part in enumerate(mean.bins):
        shares = [curve.bins[place].concordant for curve in curves]
        assert part.concordant == pytest.approx(np.mean(shares), abs=TOLERANCE)
        assert part.n_pairs == curves[0].bins[place].n_pairs


def test_pairs_of_all_seeds_count_where_each_has_its_own_architectures() -> None:
    rng = np.random.RandomState(0)
    truth = rng.uniform(80, 94, 60)
    truth[0] = 20.0  # only of the second seed: the others' gaps end earlier
    scores = truth + 3 * rng.standard_normal((3, 60))
    judged = rng.uniform(size=(3, 60)) < 0.8
    judged[:, 0] = False, True, False
    pairs = [
        pair
        for row, own in zip(scores, judged, strict=True)
        for pair in naive_pairs(row[own], truth[own])
    ]
    found = concordance_by_gap(scores, truth, judged)
    for part, (n_pairs, share) in zip(found.bins, naive_bins(pairs), strict=True):
        assert part.n_pairs == n_pairs // 3
        assert part.concordant == pytest.approx(share, abs=TOLERANCE)
    assert found.reliable_gap == naive_reliable_gap(pairs, 3 * 435)


@pytest.mark.parametrize("n", [0, 1])
def test_without_pairs_there_are_only_empty_bins(n: int) -> None:
    curve = concordance_by_gap(np.ones(n), np.ones(n))
    assert all(part.n_pairs == 0 and part.concordant is None for part in curve.bins)
    assert curve.reliable_gap is None


@pytest.mark.parametrize("scale", [10.0, 1000.0, 0.01, 1e-6])
def test_bins_are_a_power_of_ten_as_wide_where_truth_spans_more_or_less(scale: float) -> None:
    rng = np.random.RandomState(0)
    truth = np.append(rng.uniform(0, 90, 60).round(1), 90.0)
    scores = truth + rng.standard_normal(61)
    plain, wide = (concordance_by_gap(scores, each) for each in (truth, truth * scale))
    for own, other in zip(plain.bins, wide.bins, strict=True):
        assert other.low == pytest.approx(own.low * scale, rel=1e-12)
        assert (other.n_pairs, other.concordant) == (own.n_pairs, own.concordant)
    assert plain.reliable_gap is not None
    assert wide.reliable_gap == pytest.approx(plain.reliable_gap * scale, rel=1e-12)


def test_missing_scores_are_refused() -> None:
    with pytest.raises(UsageError, match="missing or infinite"):
        concordance_by_gap([[1.0, np.nan]], [1.0, 2.0])


def test_of_many_architectures_the_pairs_of_a_fixed_draw_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.RandomState(3)
    truth, scores = rng.uniform(10, 94, 300).round(6), rng.standard_normal((2, 300))
    whole = concordance_by_gap(scores, truth)
    monkeypatch.setattr(gaps, "MOST_COMPARED", 120)
    drawn = draw_places(300, 120, "pairs by gap")
    curve = concordance_by_gap(scores, truth)
    assert curve == replace(concordance_by_gap(scores[:, drawn], truth[drawn]), is_sample=True)
    assert (whole.n_archs, curve.n_archs, curve.to_dict()["n_archs"]) == (300, 120, 120)
    assert sum(part.n_pairs for part in curve.bins) + curve.n_tied == 120 * 119 // 2
    judged = np.zeros((2, 300), dtype=np.bool_)
    judged[0, :130], judged[1, :90] = True, True  # only the first seed has too many
    some = concordance_by_gap(scores, truth, judged)
    assert (some.n_archs, some.is_sample, some.to_dict()["is_sample"]) == (90, True, True)
    assert not concordance_by_gap(scores, truth, judged & (np.arange(300) < 120)).is_sample
    assert 2 * sum(part.n_pairs for part in some.bins) <= 120 * 119 // 2 + 90 * 89 // 2


def test_the_pairs_of_the_whole_space_are_never_all_in_memory_at_once() -> None:
    rng = np.random.RandomState(0)
    truth = rng.uniform(10, 94, 15_625).round(6)
    scores = truth + rng.standard_normal(15_625)
    tracemalloc.start()
    try:
        curve = concordance_by_gap(scores, truth)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 15_625**2 / 8  # bytes; a byte for each pair in one order would be four times it
    assert sum(part.n_pairs for part in curve.bins) + curve.n_tied == 15_625 * 15_624 // 2
