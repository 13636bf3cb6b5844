"""The scores of an estimator on a case: every figure is computed once, whatever it serves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.spaces import load_space
from harness.stats import (
    METRICS,
    Case,
    CaseScores,
    Computed,
    compare_case,
    compute_metric,
    conclude,
    evaluate_case,
    populations_of,
    sample_metric,
    truth_influence,
)
from harness.stats import scored as scored_module

N = 300
RNG = np.random.RandomState(0)
TRIALS = 90.0 - RNG.gamma(2.0, 3.0, (N, 1)) + 0.3 * RNG.standard_normal((N, 2))
TRUTH = TRIALS.mean(axis=1).round(6)
ROWS = TRUTH + 2.0 * RNG.standard_normal((3, N))
OTHER = TRUTH + 3.0 * RNG.standard_normal((3, N))
POPULATIONS = list(populations_of(load_space()))


@pytest.fixture(name="case")
def _case() -> Case:
    return Case(np.array(load_space().prefix(N)), TRIALS, TRUTH)


def test_a_metric_is_computed_once_however_many_it_is_compared_with(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[tuple[str, bytes]] = Counter()

    def count(name: str, score: npt.NDArray[np.float64], *rest: Any) -> Computed:
        calls[name, score.tobytes()] += 1
        return compute_metric(name, score, *rest)

    monkeypatch.setattr(scored_module, "compute_metric", count)
    sides = [CaseScores(case, rows) for rows in (ROWS, OTHER, -ROWS)]
    for side in sides:
        evaluate_case(side)
    sizes = {case.on(name).population.mask.tobytes() for name in POPULATIONS}
    assert len(calls) == 3 * 3 * len(METRICS) * len(sizes)
    before = calls.total()
    for side in sides[1:]:
        compare_case(side, sides[0])
        compare_case(side.of_seeds([2, 0]), sides[0].of_seeds([1, 1]))
    assert calls.total() == before


def test_seeds_may_be_chosen_and_repeated(case: Case) -> None:
    chosen = CaseScores(case, ROWS).of_seeds([2, 2, 0])
    plain = CaseScores(case, ROWS[[2, 2, 0]])
    assert len(chosen) == 3
    np.testing.assert_array_equal(chosen.rows, plain.rows)
    for name in POPULATIONS:
        for metric in METRICS:
            assert conclude(chosen.sample(metric, name)) == conclude(plain.sample(metric, name))
        assert chosen.truth_se(name) == plain.truth_se(name)


def test_a_sample_and_the_truths_noise_are_those_of_the_population(case: Case) -> None:
    scores = CaseScores(case, ROWS)
    live, top = (case.on(name).population for name in ("live", "top_50"))
    expected = conclude(sample_metric("tau", ROWS[:, live.mask], TRUTH[live.mask], live.size))
    assert conclude(scores.sample("tau", "live")) == expected
    within = truth_influence(ROWS[:, live.mask], TRIALS[live.mask], TRUTH[live.mask])
    among = truth_influence(ROWS, TRIALS, TRUTH, share=top.share)
    assert within is not None
    assert among is not None
    assert scores.truth_se("live") == within.se()
    assert scores.truth_se("top_50") == among.se()  # a selection by truth is not fixed


def test_scores_that_are_evaluated_on_fewer_are_those_of_the_fewer(case: Case) -> None:
    scores = CaseScores(case, ROWS)
    judged = RNG.uniform(size=ROWS.shape) < 0.8
    fewer = scores.judged_on(judged)
    np.testing.assert_array_equal(fewer.by_all, judged.all(axis=0))
    assert fewer.judged_on(judged.copy()) is fewer
    for seed, mask in enumerate(judged):
        own = CaseScores(case.within(mask), ROWS[seed, mask])
        value = fewer.sample("tau", "all").values[seed]
        assert value == own.sample("tau", "all").values[0]
    assert scores.judged_on(np.ones_like(judged)).judged is None


def test_one_seed_that_was_fitted_leaves_nothing_of_the_whole_space_unjudged() -> None:
    space = load_space()
    n, rng = 15_625, np.random.RandomState(0)
    truth = rng.uniform(60.0, 90.0, n)
    known = np.zeros((1, n), dtype=np.bool_)
    known[0, rng.choice(n, 128, replace=False)] = True
    scores = np.where(known, np.nan, truth + 9.0 * rng.standard_normal((1, n)))
    fitted = CaseScores(Case(np.arange(n), None, truth, space=space), scores, known=known)
    for name in ("all", "live", "top_10"):
        sample = fitted.sample("tau", name)
        assert sample.left == 0.0
        assert sample.uncertainty.architectures_se == 0.0
    part = Case(np.array(space.prefix(1_000)), None, truth[:1_000], space=space)
    within = CaseScores(part, scores[:, :1_000], known=known[:, :1_000])
    n_known = int(known[:, :1_000].sum())
    assert n_known > 0
    assert within.sample("tau", "all").population == n - n_known
