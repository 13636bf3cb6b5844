"""The summary of a ranking."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.errors import UsageError
from harness.stats import kendall_tau, over_architectures, summarise, top_share


def make_ranking(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(0)
    truth = rng.standard_normal(n)
    return truth + rng.standard_normal(n), truth


def test_each_population_is_cut_by_truth() -> None:
    score, truth = make_ranking(400)
    summary = summarise(score, truth)
    for tau, share in ((summary.tau_top_half, 0.5), (summary.tau_top_10, 0.1)):
        chosen = top_share(truth, share)
        assert tau is not None
        assert tau.value == kendall_tau(score[chosen], truth[chosen]).value
    assert (summary.n, summary.n_top_half, summary.n_top_10) == (400, 200, 40)
    assert summary.tau_interval == over_architectures(kendall_tau(score, truth), 15_625)
    assert summary.too_few == summary.undefined == ()


def test_metrics_on_fewer_than_thirty_architectures_are_too_few() -> None:
    summary = summarise(*make_ranking(200))
    assert summary.too_few == ("tau_top_10",)
    assert summary.tau_top_10 is None
    assert summary.tau_top_10_interval is None
    assert summary.n_top_10 == 20


def test_a_handful_of_architectures_is_too_few_for_everything() -> None:
    summary = summarise(*make_ranking(10))
    assert len(summary.too_few) == 5
    assert (summary.tau, summary.spearman, summary.weighted_tau) == (None, None, None)


def test_equal_scores_are_undefined_not_a_number() -> None:
    summary = summarise(np.zeros(400), np.arange(400.0))
    assert len(summary.undefined) == 5
    assert (summary.tau, summary.tau_interval, summary.spearman) == (None, None, None)


def test_a_whole_population_has_no_intervals() -> None:
    score, truth = make_ranking(1000)
    summary = summarise(score, truth, population=1000)
    assert summary.tau_interval is summary.tau_top_half_interval is None
    assert summary.tau_top_10_interval is None


def test_the_dictionary_is_json_without_nan_or_arrays() -> None:
    for n in (10, 200, 400):
        summary = summarise(*make_ranking(n))
        record = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
        assert record["n"] == n
        assert record["tau"] == (summary.tau.value if summary.tau else None)
        assert set(record["tau_interval"] or {}) in (set(), {"low", "high", "se", "over"})


def test_no_architectures_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one"):
        summarise([], [])


def test_missing_scores_are_refused() -> None:
    with pytest.raises(UsageError, match="missing or infinite"):
        summarise([1.0, np.nan], [1.0, 2.0])
