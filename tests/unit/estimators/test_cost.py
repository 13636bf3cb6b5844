"""What estimators cost, from records, from files, and of combinations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.estimators.baselines import make_baseline
from harness.estimators.combined import find_estimator
from harness.estimators.cost import (
    CORE_S,
    GPU_S,
    PUBLISHED_S,
    Cost,
    Labels,
    find_cost,
    find_labels,
)
from harness.estimators.matrix import ScoreMatrix
from harness.runs.record import Record
from harness.settings.run import RunConfig

KEYS = np.arange(100)
SCORES = np.linspace(0.0, 1.0, 100)[np.newaxis]


def from_file(label: str, arch_s: float | None) -> ScoreMatrix:
    return ScoreMatrix(label, label, "file", (None,), KEYS, SCORES, "made up", arch_s=arch_s)


def from_runs(*records: Record) -> ScoreMatrix:
    seeds = tuple(range(len(records)))
    scores = np.repeat(SCORES, len(records), axis=0)
    return ScoreMatrix("spos", "spos", "run", seeds, KEYS, scores, "made up", records=records)


def record(
    timings: dict[str, float], execution: dict[str, Any], reused: int | None = None
) -> Record:
    return Record(
        run_id="r",
        status="finished",
        started="2026-01-01T00:00:00Z",
        config=RunConfig().model_dump(),
        execution=execution,
        timings=timings,
        ranking={} if reused is None else {"reused": {"n_archs": reused}},
    )


def test_a_teachers_seconds_are_the_processors_already() -> None:
    timings = {"prepare_s": 30.0, "score_s": 200.0}
    cost = find_cost(from_runs(record(timings, {"device": "cpu", "threads": 2})))
    assert cost == Cost(CORE_S, 30.0, 2.0, 100)


def test_what_a_table_recorded_is_in_seconds_as_given_and_what_nobody_did_is_unknown() -> None:
    execution = {"device": "cpu", "threads": 2}
    recorded = find_cost(from_runs(record({"published_s": 500.0}, execution)))
    assert recorded == Cost(PUBLISHED_S, 0.0, 5.0, 100)
    assert find_cost(from_runs(record({}, execution))) is None


def test_training_is_the_preparation_and_what_is_only_measured_is_left_out() -> None:
    timings = {"train_s": 60.0, "probe_s": 7.0, "evaluate_s": 9.0, "rank_s": 20.0}
    cost = find_cost(from_runs(record(timings, {"device": "cpu", "threads": 2, "ranks": 3})))
    assert cost == Cost(CORE_S, 360.0, 1.2, 100)
    assert cost.total == pytest.approx(480.0)


def test_it_is_the_mean_over_seeds_and_scores_taken_over_cost_nothing() -> None:
    cpu = {"device": "cpu", "threads": 1}
    first = record({"train_s": 10.0, "rank_s": 50.0}, cpu, reused=50)
    second = record({"train_s": 30.0, "rank_s": 300.0}, cpu)
    cost = find_cost(from_runs(first, second))
    assert cost is not None
    assert (cost.preparation, cost.per_arch) == pytest.approx((20.0, 2.0))


def test_a_run_that_took_over_all_its_scores_says_nothing_of_their_cost() -> None:
    cpu = {"device": "cpu", "threads": 1}
    again = record({"train_s": 10.0, "rank_s": 2.0}, cpu, reused=100)
    assert find_cost(from_runs(again)) is None
    other = record({"train_s": 20.0, "rank_s": 50.0}, cpu)
    assert find_cost(from_runs(again, other)) == Cost(CORE_S, 20.0, 0.5, 100)


def test_on_a_gpu_its_seconds_count_and_units_are_not_mixed() -> None:
    gpu = record({"train_s": 60.0, "rank_s": 10.0}, {"device": "cuda", "threads": 4})
    assert find_cost(from_runs(gpu)) == Cost(GPU_S, 60.0, 0.1, 100)
    cpu = record({"train_s": 60.0}, {"device": "cpu", "threads": 1})
    assert find_cost(from_runs(gpu, cpu)) is None


def test_files_have_the_seconds_that_they_give_and_baselines_none() -> None:
    assert find_cost(from_file("a", 0.5)) == Cost(PUBLISHED_S, 0.0, 0.5, 100)
    assert find_cost(from_file("a", None)) is None
    assert find_cost(make_baseline("params", KEYS)) == Cost(None, 0.0, 0.0, 100)


def test_a_combination_costs_what_its_components_do() -> None:
    files = [from_file("a", 0.5), from_file("b", 0.25), from_file("unknown", None)]
    spos = from_runs(record({"train_s": 60.0}, {"device": "cpu", "threads": 1}))
    given = [*files, replace(spos, label="spos")]
    assert find_cost(find_estimator("live_params+a+b", given)) == Cost(PUBLISHED_S, 0.0, 0.75, 100)
    assert find_cost(find_estimator("live_params+flops", given)) == Cost(None, 0.0, 0.0, 100)
    assert find_cost(find_estimator("a+unknown", given)) is None
    assert find_cost(find_estimator("a+spos", given)) is None  # given and measured seconds


def fitted(label: str, *facts: dict[str, Any], n: int = 8) -> ScoreMatrix:
    records = tuple(record({}, {}).model_copy(update={"ranking": fact}) for fact in facts)
    seen = tuple(KEYS[place : place + n] for place in range(len(facts)))
    return replace(from_runs(*records), label=label, fitted_on=seen)


def test_labels_cost_the_epochs_of_the_truth_that_they_are_of() -> None:
    query = {"labels": "cifar10 test, 200 epochs, mean of trials"}
    assert find_labels(fitted("a", query, query)) == Labels(8.0, 1600.0)
    assert find_labels(fitted("a", {"labels": "somebody's"})) == Labels(8.0, None)
    assert find_labels(from_runs(record({}, {}))) is None
    assert find_labels(replace(from_file("a", None), fitted_on=(KEYS[:3],))) == Labels(3.0, None)


def test_labels_cost_the_epochs_that_were_trained_where_a_record_says_so() -> None:
    query = "cifar10 test, 200 epochs, mean of trials"
    facts = [{"labels": query, "label_epochs": epochs} for epochs in (900, 700)]
    assert find_labels(fitted("a", *facts)) == Labels(8.0, 800.0)
    assert find_labels(fitted("a", facts[0], {})) == Labels(8.0, None)


def test_labels_cost_the_seconds_that_were_recorded_of_every_seed() -> None:
    query = "cifar10-valid valid, 12 epochs, mean of trials"
    facts = [{"labels": query, "label_s": seconds} for seconds in (900.0, 700.0)]
    assert find_labels(fitted("a", *facts)) == Labels(8.0, 96.0, 800.0)
    assert find_labels(fitted("a", facts[0], {"labels": query})) == Labels(8.0, 96.0, None)


def test_labels_of_a_combination_are_counted_once() -> None:
    query, short = ({"labels": f"cifar10 test, {n} epochs, mean of trials"} for n in (200, 12))
    a, b = fitted("a", query), replace(fitted("b", query), fitted_on=(KEYS[4:14],))
    one = from_file("one", None)
    assert find_labels(find_estimator("one+a", (one, a))) == Labels(8.0, 1600.0)
    assert find_labels(find_estimator("a+b", (a, b))) == Labels(14.0, 2800.0)
    other = replace(fitted("b", short), fitted_on=(KEYS[4:14],))
    assert find_labels(find_estimator("a+b", (a, other))) == Labels(14.0, None)
