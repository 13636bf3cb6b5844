"""The summary of a ranking that records keep."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from harness.report.summary import _summarise_ranking
from harness.spaces.nb201.encoding import N_ARCHS, sample_indices
from harness.stats import evaluate_scores, kendall_tau, top_share
from tests.reference_intervals import architectures_ends


def make_ranking(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(0)
    truth = rng.standard_normal(n)
    return truth + rng.standard_normal(n), truth


def summarise(score: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    sizes = dict.fromkeys(("params", "flops"), np.arange(float(len(score))))
    found = evaluate_scores(
        sample_indices(len(score)),
        score,
        None,
        truth,
        baselines=sizes,
        populations=("all", "top_50", "top_10"),
    )
    return _summarise_ranking(found.populations)


def test_each_population_is_cut_by_truth() -> None:
    score, truth = make_ranking(400)
    summary = summarise(score, truth)
    for name, share in (("tau_top_half", 0.5), ("tau_top_10", 0.1)):
        chosen = top_share(truth, share)
        assert summary[name] == kendall_tau(score[chosen], truth[chosen]).value
    assert (summary["n"], summary["n_top_half"], summary["n_top_10"]) == (400, 200, 40)
    interval = architectures_ends(kendall_tau(score, truth), N_ARCHS)
    assert interval is not None
    found = summary["tau_interval"]
    assert (found["low"], found["high"]) == pytest.approx(interval[:2], rel=1e-12)
    assert summary["too_few"] == summary["undefined"] == []


def test_metrics_on_fewer_than_thirty_architectures_are_too_few() -> None:
    summary = summarise(*make_ranking(200))
    assert summary["too_few"] == ["tau_top_10"]
    assert summary["tau_top_10"] is None
    assert summary["tau_top_10_interval"] is None
    assert summary["n_top_10"] == 20


def test_a_handful_of_architectures_is_too_few_for_everything() -> None:
    summary = summarise(*make_ranking(10))
    assert len(summary["too_few"]) == 5
    assert [summary[name] for name in ("tau", "spearman", "weighted_tau")] == [None] * 3


def test_equal_scores_are_undefined_not_a_number() -> None:
    summary = summarise(np.zeros(400), np.arange(400.0) / 10)
    assert len(summary["undefined"]) == 5
    assert [summary[name] for name in ("tau", "tau_interval", "spearman")] == [None] * 3


def test_a_whole_population_has_no_intervals() -> None:
    summary = summarise(*make_ranking(N_ARCHS))
    for name in ("tau", "tau_top_half", "tau_top_10"):
        assert summary[f"{name}_interval"] is None


def test_the_dictionary_is_json_without_nan_or_arrays() -> None:
    for n in (10, 200, 400):
        score, truth = make_ranking(n)
        record = json.loads(json.dumps(summarise(score, truth), allow_nan=False))
        assert record["n"] == n
        assert record["tau"] == (kendall_tau(score, truth).value if n >= 30 else None)
        assert set(record["tau_interval"] or {}) in (set(), {"low", "high", "se", "over"})
