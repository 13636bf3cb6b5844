"""Estimators that were fitted to some truths: each seed is judged on what it has not seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from harness.errors import TruthError
from harness.estimators.baselines import make_baselines
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import Evaluated, choose_truth, evaluate_estimator, evaluate_together
from harness.spaces.nb201.encoding import N_ARCHS
from harness.stats import METRICS, evaluate_scores, over_seeds
from harness.stats.metrics import Method

CHOSEN = choose_truth("tiles")
TRUTH = CHOSEN.truth
N = len(TRUTH.value)
RNG = np.random.RandomState(0)
NOISY = TRUTH.value + 8.0 * RNG.normal(size=(2, N))
OTHER = TRUTH.value + 6.0 * RNG.normal(size=(2, N))
SEEN = tuple(np.sort(TRUTH.keys[RNG.permutation(N)[:100]]) for _ in range(2))


def make_estimator(scores: npt.ArrayLike, label: str = "fitted", **fields: Any) -> ScoreMatrix:
    rows = np.asarray(scores)
    seeds = tuple(range(len(rows)))
    return ScoreMatrix(label, label, "file", seeds, TRUTH.keys, rows, "made up", **fields)


def leak(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the truth away for what a seed has seen, as a predictor does."""
    rows = scores.copy()
    for row, seen in zip(rows, SEEN, strict=True):
        at = np.isin(TRUTH.keys, seen)
        row[at] = TRUTH.value[at]
    return rows


def tau_on(scores: npt.ArrayLike, seen: npt.NDArray[np.int64]) -> float:
    unseen = ~np.isin(TRUTH.keys, seen)
    return float(scipy.stats.kendalltau(np.asarray(scores)[unseen], TRUTH.value[unseen])[0])


@pytest.fixture(scope="module", name="result")
def _result() -> Evaluated:
    return evaluate_estimator(make_estimator(leak(NOISY), fitted_on=SEEN), CHOSEN)


def test_each_seed_is_judged_on_what_it_has_not_seen(result: Evaluated) -> None:
    tau = result.populations["all"].metrics["tau"]
    expected = [tau_on(row, seen) for row, seen in zip(NOISY, SEEN, strict=True)]
    assert tau.per_seed == pytest.approx(expected, rel=1e-12)
    assert tau.n == N - 100
    seeds = over_seeds(expected)
    assert tau.interval is not None
    assert seeds is not None
    assert tau.interval.low < seeds.low


def test_the_top_of_each_seed_is_that_of_its_own_architectures(result: Evaluated) -> None:
    expected = []
    for row, seen in zip(NOISY, SEEN, strict=True):
        unseen = ~np.isin(TRUTH.keys, seen)
        truth = TRUTH.value[unseen]
        best = truth >= np.quantile(truth, 0.5)
        expected.append(scipy.stats.kendalltau(row[unseen][best], truth[best])[0])
    whole, top = result.populations["all"], result.populations["top_50"]
    assert whole.metrics["tau_top_50"].per_seed == pytest.approx(expected, rel=1e-12)
    assert top.metrics["tau"].per_seed == pytest.approx(expected, rel=1e-12)


def test_baselines_are_judged_on_the_same(result: Evaluated) -> None:
    params = make_baselines(TRUTH.keys)["params"]
    found = result.populations["all"].baselines["params"].per_seed
    assert found == pytest.approx([tau_on(params, seen) for seen in SEEN], rel=1e-12)


def test_what_it_is_compared_with_is_judged_on_the_same_seed_by_seed() -> None:
    both = make_estimator(OTHER, "other"), make_estimator(leak(NOISY), fitted_on=SEEN)
    (pair,) = evaluate_together(both, CHOSEN).pairs
    tau = pair.comparison.differences["all"]["tau"]
    expected = [
        tau_on(a, seen) - tau_on(b, seen) for a, b, seen in zip(NOISY, OTHER, SEEN, strict=True)
    ]
    assert pair.pair.name == "fitted minus other"
    assert tau.per_seed == pytest.approx(expected, rel=1e-12)


def naive_regret(row: npt.ArrayLike, seen: npt.ArrayLike, k: int, of: npt.ArrayLike) -> float:
    """The best of some, less the best of the labels and of the k best-scored others among them."""
    labels, chosen = set(np.asarray(seen).tolist()), set(np.asarray(of).tolist())
    all_ = zip(np.asarray(row).tolist(), TRUTH.keys.tolist(), TRUTH.value.tolist(), strict=True)
    rows = [each for each in all_ if each[1] in chosen]
    known = [truth for _, key, truth in rows if key in labels]
    others = sorted(((s, truth) for s, key, truth in rows if key not in labels), reverse=True)
    return max(truth for *_, truth in rows) - max(known + [truth for _, truth in others[:k]])


@pytest.mark.parametrize("name", ["all", "top_50", "live"])
@pytest.mark.parametrize("k", [1, 10, 100])
def test_regret_counts_what_a_seed_has_seen_as_known(result: Evaluated, name: str, k: int) -> None:
    part = result.populations[name]
    chosen = TRUTH.keys[part.population.mask]
    regret = part.metrics[f"regret_at_{k}"]
    expected = [naive_regret(*each, k, chosen) for each in zip(NOISY, SEEN, strict=True)]
    assert regret.per_seed == pytest.approx(expected, abs=1e-9)
    assert regret.n == len(chosen)  # the best of all may be a label


def test_a_label_that_is_the_best_leaves_no_regret() -> None:
    best = TRUTH.keys[[int(np.argmax(TRUTH.value))]]
    reversed_ = make_estimator(-TRUTH.value[np.newaxis], fitted_on=(best,))
    without = make_estimator(-TRUTH.value[np.newaxis])
    regrets = [
        evaluate_estimator(e, CHOSEN, ["all"]).populations["all"].metrics["regret_at_1"].value
        for e in (reversed_, without)
    ]
    assert regrets == [0.0, pytest.approx(np.ptp(TRUTH.value))]


@pytest.mark.parametrize("seeds", [(0, 1), (5, 6)], ids=["paired", "independent"])
def test_regret_does_not_depend_on_what_it_is_compared_with(seeds: tuple[int, int]) -> None:
    """The other side knows no label: it searches all, the labels too."""
    other = make_estimator(OTHER, "other")
    fitted = replace(make_estimator(leak(NOISY), fitted_on=SEEN), seeds=seeds)
    (pair,) = evaluate_together([other, fitted], CHOSEN).pairs
    regret = pair.comparison.differences["all"]["regret_at_10"]
    own = [naive_regret(*each, 10, TRUTH.keys) for each in zip(NOISY, SEEN, strict=True)]
    theirs = [naive_regret(row, [], 10, TRUTH.keys) for row in OTHER]
    assert pair.pair.rows.is_paired == (seeds == (0, 1))
    assert regret.value == pytest.approx(np.mean(own) - np.mean(theirs), abs=1e-9)


def test_an_architecture_that_every_seed_has_seen_is_no_seeds_and_still_can_be_the_best() -> None:
    rows = NOISY.copy()
    rows[:, np.isin(TRUTH.keys, SEEN[0])] = np.nan
    result = evaluate_estimator(make_estimator(rows, fitted_on=(SEEN[0], SEEN[0])), CHOSEN)
    assert (result.figures.n, result.n_incomplete) == (N, 0)
    assert result.figures.n_per_seed == (N - 100, N - 100)
    assert result.populations["all"].metrics["tau"].n == N - 100


def test_an_estimator_that_was_fitted_to_all_is_refused() -> None:
    all_but_one = (SEEN[0], TRUTH.keys)
    fitted = make_estimator(NOISY, fitted_on=all_but_one)
    with pytest.raises(TruthError, match=f"fitted to all {N} architectures that it would be"):
        evaluate_estimator(fitted, CHOSEN)
    halves = (TRUTH.keys[: N // 2],) * 2, (TRUTH.keys[N // 2 :],) * 2
    both = [make_estimator(NOISY, f"half {n}", fitted_on=h) for n, h in enumerate(halves)]
    with pytest.raises(TruthError, match="A seed of half 1 minus half 0 was fitted to all"):
        evaluate_together(both, CHOSEN)


def test_seeds_that_saw_the_same_have_the_figures_of_that_complement() -> None:
    unseen = ~np.isin(TRUTH.keys, SEEN[0])
    own = evaluate_estimator(make_estimator(NOISY, fitted_on=(SEEN[0], SEEN[0])), CHOSEN)
    index = TRUTH.keys[unseen]
    plain = evaluate_scores(
        index, NOISY[:, unseen], CHOSEN.trials.value[unseen], TRUTH.value[unseen]
    )
    for name, part in plain.populations.items():
        for metric in (m for m in METRICS if not METRICS[m].is_extreme):
            found, expected = own.populations[name].metrics[metric], part.metrics[metric]
            for field in ("value", "per_seed", "status", "n", "over_seeds"):
                assert getattr(found, field) == getattr(expected, field)
            ours, its = found.over_architectures, expected.over_architectures
            assert (ours is None) == (its is None)
            if ours is not None and its is not None:  # the complement is of fewer than all
                assert ours.se == pytest.approx(its.se, rel=0.01)
                assert ours.se <= its.se


def test_intervals_of_seeds_on_almost_the_same_architectures_agree() -> None:
    """One architecture more or less moves nothing: the joined parts are those of one draw."""
    seen = (TRUTH.keys[:1], TRUTH.keys[1:2])
    own = evaluate_estimator(make_estimator(NOISY, fitted_on=seen), CHOSEN)
    plain = evaluate_estimator(make_estimator(NOISY), CHOSEN)
    for name in ("tau", "tau_top_50", "spearman"):
        assert METRICS[name].method is Method.INFLUENCE
        one, other = (r.populations["all"].metrics[name].over_architectures for r in (own, plain))
        assert one is not None
        assert other is not None
        assert one.se == pytest.approx(other.se, rel=0.02)
    assert N < N_ARCHS
