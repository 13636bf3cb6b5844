"""Constraints: which architectures satisfy them, and what is no constraint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import harness
from harness.errors import TruthError, UsageError
from harness.evaluation.constraints import Condition, parse_where
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.truth import find_truth
from harness.truth.metric import TruthMetric
from tests.metric_tables import make_metric_table, save_metric_table

INDEX = np.sort(sample_indices(200))
LATENCY = np.random.RandomState(0).uniform(5.0, 190.0, len(INDEX)).round(3)
SCORES = np.random.RandomState(1).standard_normal(len(INDEX))
TRUTH = find_truth("tiles").rows.query("split == 'test'").groupby("nb201_index")["accuracy"].mean()
PARAMS = np.array(
    [load_space().baselines["params"].score(arch_at(index)) for index in INDEX.tolist()]
)


@pytest.fixture(scope="module", name="data")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    metric = TruthMetric("latency:phone", "ms", True)
    save_metric_table(folder, make_metric_table(metric, INDEX, LATENCY))
    return folder


def evaluate(data: Path, *where: str) -> harness.EvaluationResult:
    scores = dict(zip(INDEX.tolist(), SCORES, strict=True))
    return harness.evaluate(scores, "tiles", where=where, data_dir=data)


def test_a_constraint_is_a_population_with_its_name_and_n(data: Path) -> None:
    result = evaluate(data, "latency:phone<100", "latency:phone < 100 and params >= 2.5e5")
    truth = TRUTH[INDEX].to_numpy().round(6)
    fast = LATENCY < 100
    both = fast & (PARAMS >= 2.5e5)
    assert 30 <= both.sum() < fast.sum() < len(INDEX)
    for name, mask in {
        "latency:phone < 100": fast,
        "latency:phone < 100 and params >= 250000": both,
    }.items():
        part = result.populations[name]
        assert part.population.n == mask.sum()
        expected = scipy.stats.kendalltau(SCORES[mask], truth[mask]).statistic
        assert part.metrics["tau"].value == pytest.approx(expected, rel=1e-12)
        best = truth[mask].max() - truth[mask][SCORES[mask].argmax()]
        assert part.metrics["regret_at_1"].value == pytest.approx(best, abs=1e-6)
    assert (
        "latency:phone < 100 ms" in result.populations["latency:phone < 100"].population.description
    )
    assert result.populations["all"].population.n == len(INDEX)
    assert "latency:phone < 100" in str(result)


def test_limits_that_differ_a_little_are_constraints_of_their_own(data: Path) -> None:
    limits = [123_456.7, 123_456.8, 100_000, 100_001]
    result = evaluate(data, *(f"params > {limit}" for limit in limits))
    assert {f"params > {limit}" for limit in limits} <= set(result.populations)


def test_a_single_constraint_need_not_be_in_a_list(data: Path) -> None:
    scores = dict(zip(INDEX.tolist(), SCORES, strict=True))
    result = harness.evaluate(scores, "tiles", where="params > 1", data_dir=data)
    assert "params > 1" in result.populations


def test_a_report_has_it_beside_the_others(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame({"nb201_index": INDEX, "score": SCORES, "other": -SCORES}).to_csv(path)
    report = harness.compare(
        [path], "tiles", score_column=("score", "other"), where=["flops < 6e7"], data_dir=data
    )
    (section,) = report.sections
    name = "flops < 60000000"
    assert all(name in result.populations for result in section.evaluations)
    assert name in section.pairs[0].comparison.differences


@pytest.mark.parametrize(
    "text",
    [
        "",
        "latency:a",
        "latency:a < fast",
        "< 20",
        "a = 3",
        "a == 3",
        "a < 1 or b < 2",
        "a < 1 and",
        "a < 1, b < 2",
        "a < 1 < 2",
        "a < 1__0",
        "a < inf",
        "a < nan",
        "1 < a",
        "a\n< 1\x1b",
        "é < 1",
    ],
)
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not NAME, one of < <= > >= and a number"):
        parse_where(text)


def test_names_may_have_what_metrics_have() -> None:
    assert parse_where("robust:pgd@linf:eps=0.5>=30 and a <= -1e-3") == (
        Condition("robust:pgd@linf:eps=0.5", ">=", 30.0),
        Condition("a", "<=", -0.001),
    )


def test_an_unknown_name_names_the_nearest(data: Path) -> None:
    with pytest.raises(UsageError, match=r"free score 'latency:fone'. Did you mean 'latency:phone"):
        evaluate(data, "latency:fone < 3")
    with pytest.raises(UsageError, match=r"Did you mean 'params'"):
        evaluate(data, "parms < 3")


@pytest.mark.parametrize(("limit", "n"), [(0.0, 0), (sorted(LATENCY)[28], 29)])
def test_a_constraint_that_leaves_too_few_is_refused(data: Path, limit: float, n: int) -> None:
    with pytest.raises(TruthError, match=f"Of 200 architectures that are judged, {n} satisfy"):
        evaluate(data, f"latency:phone <= {limit}")
    result = evaluate(data, f"latency:phone <= {sorted(LATENCY)[29]}")
    (name,) = set(result.populations) - set(evaluate(data).populations)
    assert result.populations[name].metrics["tau"].status == "ok"


def test_what_was_measured_on_other_images_than_the_truth_is_named(data: Path) -> None:
    scores = dict(zip(INDEX.tolist(), SCORES, strict=True))
    where = "latency:phone < 100 and params > 1"
    report = harness.compare(
        {"a": scores}, "tiles", where=where, trade_off="latency:phone", data_dir=data
    )
    note = "latency:phone was measured on cifar10, the truth on tiles."
    assert f"latency:phone < 100 and params > 1: {note}" in report.words
    assert f"Trade-off: {note}" in report.words
    (section,) = report.to_dict()["sections"]
    assert section["trade_off"]["note"] == note
    assert section["trade_off"]["second_source"] == "table nb201-latency, cifar10"
    part = section["evaluations"][0]["populations"][where]
    assert part["note"] == note
    assert "latency:phone < 100 ms (table nb201-latency, cifar10)" in part["description"]


def test_another_accuracy_than_the_truth_is_named(data: Path) -> None:
    scores = dict(zip(INDEX.tolist(), SCORES, strict=True))
    result = harness.evaluate(scores, "tiles", policy="trial=0", where="accuracy > 50")
    note = result.populations["accuracy > 50"].population.note
    assert note == (
        "accuracy is that of tiles test, 12 epochs, mean of trials here, and the truth is tiles "
        "test, 12 epochs, trial 0."
    )


def test_a_metric_of_several_tables_is_not_chosen_silently(data: Path, tmp_path: Path) -> None:
    metric = TruthMetric("latency:phone", "ms", True)
    table = make_metric_table(metric, INDEX, LATENCY)
    for name in ("latency", "copy"):
        save_metric_table(tmp_path, table, name)
    assert "latency:phone < 100" in evaluate(tmp_path, "latency:phone < 100").populations
    in_seconds = make_metric_table(metric._replace(unit="s"), INDEX, LATENCY)
    save_metric_table(tmp_path, in_seconds, "mine")
    with pytest.raises(TruthError, match=r"Several tables .* 'latency:phone': .*'mine' \("):
        evaluate(tmp_path, "latency:phone < 100")
    scores = dict(zip(INDEX.tolist(), SCORES, strict=True))
    one = harness.evaluate(
        scores, truth=str(tmp_path / "nb201" / "mine.parquet"), where="latency:phone < 100"
    )
    assert one.truth.metric.unit == "s"


@pytest.mark.realdata
def test_names_of_one_network_count_once_where_a_space_has_several(data_dir: Path) -> None:
    space = load_space("macro")
    assert space.n_networks is not None
    keys = space.prefix(space.n_networks)
    params = space.baselines["params"].score
    scores = {space.format(space.at(key)): float(params(space.at(key))) for key in keys}
    result = harness.evaluate(
        scores, "cifar10", space="macro", where="params < 1500000", data_dir=data_dir
    )
    found = result.populations["params < 1500000"]
    assert found.population.size == found.metrics["tau"].n == 1_339
    assert found.metrics["tau"].interval is None  # all of them are scored
