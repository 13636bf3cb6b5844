"""Estimators that were fitted to some truths: each seed is judged on what it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from harness.estimators.baselines import make_baselines
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import Evaluated, choose_truth, evaluate_estimator, evaluate_together
from harness.spaces.nb201.encoding import N_ARCHS
from harness.stats import METRICS, evaluate_scores, over_seeds
from harness.stats.metrics import Method

CHOSEN = choose_truth("tiles")
TRUTH = CHOSEN.truth
N = len(TRUTH.accuracy)
RNG = np.random.RandomState(0)
NOISY = TRUTH.accuracy + 8.0 * RNG.normal(size=(2, N))
OTHER = TRUTH.accuracy + 6.0 * RNG.normal(size=(2, N))
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
        row[at] = TRUTH.accuracy[at]
    return rows


def tau_on(scores: npt.ArrayLike, seen: npt.NDArray[np.int64]) -> float:
    unseen = ~np.isin(TRUTH.keys, seen)
    return float(scipy.stats.kendalltau(np.asarray(scores)[unseen], TRUTH.accuracy[unseen])[0])


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
        truth = TRUTH.accuracy[unseen]
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


def test_an_architecture_that_every_seed_has_seen_is_left_out() -> None:
    rows = NOISY.copy()
    rows[:, np.isin(TRUTH.keys, SEEN[0])] = np.nan
    result = evaluate_estimator(make_estimator(rows, fitted_on=(SEEN[0], SEEN[0])), CHOSEN)
    assert (result.figures.n, result.n_incomplete) == (N - 100, 100)


def test_seeds_that_saw_the_same_have_the_figures_of_that_complement() -> None:
    unseen = ~np.isin(TRUTH.keys, SEEN[0])
    own = evaluate_estimator(make_estimator(NOISY, fitted_on=(SEEN[0], SEEN[0])), CHOSEN)
    index = TRUTH.keys[unseen]
    plain = evaluate_scores(
        index, NOISY[:, unseen], CHOSEN.trials.accuracy[unseen], TRUTH.accuracy[unseen]
    )
    for name, part in plain.populations.items():
        for metric in METRICS:
            assert own.populations[name].metrics[metric] == part.metrics[metric]


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
