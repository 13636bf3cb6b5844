"""Estimators evaluated together: each is judged once, however many it is compared with."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import choose_truth, evaluate_together
from harness.stats import METRICS, Computed, compute_metric, populations_of
from harness.stats import scored as scored_module

CHOSEN = choose_truth("tiles")
TRUTH = CHOSEN.truth
RNG = np.random.RandomState(0)


def make_estimator(label: str, noise: float, n_seeds: int) -> ScoreMatrix:
    scores = TRUTH.value + noise * RNG.standard_normal((n_seeds, len(TRUTH.keys)))
    seeds = tuple(range(n_seeds))
    return ScoreMatrix(label, label, "file", seeds, TRUTH.keys, scores, "made up")


def test_an_estimator_is_judged_once_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[tuple[str, bytes]] = Counter()

    def count(name: str, score: npt.NDArray[np.float64], *rest: Any) -> Computed:
        calls[name, score.tobytes()] += 1
        return compute_metric(name, score, *rest)

    monkeypatch.setattr(scored_module, "compute_metric", count)
    estimators = [
        make_estimator(label, noise, 2) for label, noise in (("a", 3), ("b", 5), ("c", 9))
    ]
    told: list[tuple[int, int]] = []
    found = evaluate_together(estimators, CHOSEN, watch=lambda *done: told.append(done))
    assert [pair.pair.name for pair in found.pairs] == ["b minus a", "c minus a"]
    populations = populations_of(CHOSEN.table.space)
    # Once on each population of all architectures, whose scores are the estimators' own.
    parts = found.evaluations[0].populations.values()
    n_whole = sum(part.population.n == len(TRUTH.keys) for part in parts)
    rows = [row.tobytes() for estimator in estimators for row in estimator.score]
    assert {calls[metric, row] for row in rows for metric in METRICS} == {n_whole}
    total = 5 * len(populations) + len(estimators)  # each one's added value is a step more
    assert told == [(done, total) for done in range(total + 1)]
