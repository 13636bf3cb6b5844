"""Tables of other metrics than accuracy: their values, units and directions survive every way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness.errors import TruthError, UsageError
from harness.evaluation import choose_truth
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at
from harness.truth import TruthQuery, TruthTable, load_table, make_table, save_table
from harness.truth.columns import ONLY_ACCURACY
from harness.truth.export import restrict
from harness.truth.importers.importing import import_truth, place_table, truth_file
from harness.truth.metric import ACCURACY, TruthMetric, make_metric, read_metrics, write_metrics
from harness.truth.profile import describe_arch

LATENCY, ROBUST = TruthMetric("latency:a", "ms", True), TruthMetric("robust:b", "%")
METRICS = (LATENCY, ROBUST)
QUERY = TruthQuery("cifar10", "test", 0, metric="latency:a")


def make_rows(values: dict[str, list[float]]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "nb201_index": range(len(own)),
                "arch_str": [str(arch_at(index)) for index in range(len(own))],
                "metric": metric,
                "dataset": "cifar10",
                "split": "test",
                "epochs": 0,
                "trial": 0,
                "seed": -1,
                "value": own,
            }
        )
        for metric, own in values.items()
    ]
    return pd.concat(parts, ignore_index=True)


ROWS = make_rows({"robust:b": [20.0, 30.0, 10.0], "latency:a": [200.5, 0.25, 31.0]})


def make(rows: pd.DataFrame = ROWS, metrics: tuple[TruthMetric, ...] = METRICS) -> TruthTable:
    return make_table(rows, "small", {"from": "me"}, metrics=metrics)


def test_a_table_answers_for_each_metric() -> None:
    table = make()
    assert table.mean(QUERY).value.tolist() == [200.5, 0.25, 31.0]
    assert table.mean(replace(QUERY, metric="robust:b")).value.tolist() == [20.0, 30.0, 10.0]
    assert table.describe() == [
        "latency:a, cifar10 (3 architectures)",
        "robust:b, cifar10 (3 architectures)",
    ]
    with pytest.raises(TruthError, match="no rows for cifar10 test, 200 epochs, mean of trials"):
        table.mean(TruthQuery("cifar10", "test", 200))
    with pytest.raises(TruthError, match=r"Unknown metric .* 'latency:b'. Did you mean 'latency:a"):
        table.metric("latency:b")


@pytest.mark.parametrize("is_fast", [True, False])
def test_a_file_has_the_values_units_and_directions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_fast: bool
) -> None:
    path = tmp_path / "t.parquet"
    save_table(make(), path)
    assert pq.read_schema(path).names[2:] == list(ROWS.columns[2:])
    if not is_fast:  # the reader of whatever is laid out in another way
        monkeypatch.setattr("harness.truth.table.read_columns", lambda *_: None)
    again = load_table(path)
    assert again.columns.metrics == METRICS
    assert again.sha256 == make().sha256
    pd.testing.assert_frame_equal(again.rows, make().rows, check_dtype=False)


def test_the_hash_is_that_of_unit_and_direction_too() -> None:
    faster, plain = LATENCY._replace(is_lower_better=False), LATENCY._replace(unit="s")
    hashes = {make(metrics=(each, ROBUST)).sha256 for each in (LATENCY, faster, plain)}
    assert len(hashes) == 3


def test_a_file_whose_direction_was_turned_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    save_table(make(), path)
    content = pq.read_table(path)
    turned = write_metrics((LATENCY._replace(is_lower_better=False), ROBUST))
    metadata = {**content.schema.metadata, b"harness_metrics": turned.encode()}
    pq.write_table(content.replace_schema_metadata(metadata), path)
    with pytest.raises(TruthError, match="the rows are not those that were written"):
        load_table(path)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "1", '[["a", "ms"], ["a", "ms"]]', '[["b", "ms"], ["a", "ms"]]', "[[]]"),
        *('[["a", 1]]', '[["a", "ms", 1]]', '[[["a"], "ms"]]', '[["a", "ms", true, 1]]'),
        "[" * 9999,
    ],
)
def test_metrics_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(TruthError, match="here: its metrics are"):
        read_metrics(text, "here")
    assert read_metrics(write_metrics(METRICS), "here") == METRICS


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("value", 100.5, r"not a number from 0 to 100 \(robust:b, %\)"),
        ("value", float("nan"), r"not a number from 0 to 100 \(robust:b, %\)"),
        ("value", -1.0, r"not a number from 0 to 100 \(robust:b, %\)"),
        ("metric", "robust:c", "'metric' is not a known metric"),
        ("metric", None, "'metric' is not a known metric"),
        ("metric", np.array(["latency:a", "robust:b"]), "'metric' is not a text"),
        ("metric", "latency:a", "repeats a key .*metric"),
        ("epochs", -1, "not an integer from 0"),
    ],
)
def test_a_bad_row_is_refused(column: str, value: Any, problem: str) -> None:
    rows = ROWS.astype({column: object})
    rows.at[0, column] = value  # of robust:b
    with pytest.raises(TruthError, match=problem):
        make(rows)


def test_latency_may_be_over_100_but_not_infinite() -> None:
    assert make().mean(QUERY).value.max() == 200.5
    with pytest.raises(TruthError, match=r"from -1e\+09 to 1e\+09 \(latency:a, ms\)"):
        make(make_rows({"latency:a": [float("inf")]}), (LATENCY,))


def test_a_table_of_accuracies_takes_no_training_of_0_epochs() -> None:
    rows = ROWS[3:].drop(columns="metric").rename(columns={"value": "accuracy"})
    with pytest.raises(TruthError, match="'epochs' is not an integer from 1"):
        make_table(rows.assign(accuracy=50.0), "small", {})


def test_a_part_of_a_table_has_the_metrics_that_are_left() -> None:
    rows = ROWS.replace({"robust:b": "accuracy"}).assign(epochs=5)
    mixed = make(rows, (ACCURACY, LATENCY))
    part = restrict(make(ROWS.assign(dataset=ROWS["metric"])), "latency:a", None, None)
    assert part.columns.metrics == (LATENCY,)
    only = mixed.columns.take(np.flatnonzero(mixed.columns.metric.codes == 0))
    assert (only.metrics, only.is_sound()) == (ONLY_ACCURACY, True)


def test_an_architecture_ranks_first_where_its_latency_is_lowest() -> None:
    first, second = describe_arch(make(), arch_at(1)).standings
    assert (first.metric, first.mean, first.rank, first.percentile) == (LATENCY, 0.25, 1, 100.0)
    assert (second.metric, second.mean, second.rank, second.percentile) == (ROBUST, 30, 1, 100)
    assert describe_arch(make(), arch_at(0)).standings[0].rank == 3


def test_a_metric_says_what_its_differences_are_in() -> None:
    found = {each.title: each.difference for each in (ACCURACY, LATENCY, ROBUST)}
    assert found == {
        "accuracy, %": "accuracy points",
        "latency:a, ms": "ms",
        "robust:b, %": "points",
    }
    assert LATENCY.orient(np.array([3.0, 1.0])).tolist() == [-3.0, -1.0]
    assert ROBUST.orient(np.array([3.0, 1.0])).tolist() == [3.0, 1.0]


def test_rows_of_ones_own_metric_are_imported(tmp_path: Path) -> None:
    rows = ROWS[3:].drop(columns=["metric", "trial", "seed"])
    rows.to_csv(tmp_path / "mine.csv", index=False)
    table = import_truth(
        tmp_path / "mine.csv",
        metric=make_metric("latency:a", "ms", True),
        maps=[{"metric": "value"}],
    )
    assert table.columns.metrics == (LATENCY,)
    assert table.mean(QUERY).value.tolist() == [200.5, 0.25, 31.0]
    assert table.name == "nb201-latency-a"
    file = truth_file(tmp_path, table.space, table.columns.metrics)
    assert file == tmp_path / "nb201" / "metric-latency-a.parquet"
    assert truth_file(tmp_path, metrics=METRICS).name == "latency.parquet"  # a published family


@pytest.mark.parametrize("name", ["truth", "truth_rows:mine", "tiles"])
def test_no_metric_takes_the_place_of_the_accuracies(tmp_path: Path, name: str) -> None:
    metric = make_metric(name, "ms", True)
    assert metric is not None
    table = make(make_rows({name: [1.0, 20.0, 3.0]}), (metric,))
    place = truth_file(tmp_path, table.space, table.columns.metrics)
    assert place_table(table, place)
    with pytest.raises(TruthError, match="There is no published truth table"):
        choose_truth("cifar10", data_dir=tmp_path)
    assert choose_truth("cifar10", metric=name, data_dir=tmp_path).table.sha256 == table.sha256


def test_only_a_table_that_was_given_is_asked_for_its_only_metric(tmp_path: Path) -> None:
    table = make(make_rows({"latency:a": [1.0, 20.0, 3.0]}), (LATENCY,))
    place = truth_file(tmp_path)  # put there by hand
    place_table(table, place)
    with pytest.raises(TruthError, match=r"Unknown metric .* 'accuracy'"):
        choose_truth("cifar10", data_dir=tmp_path)
    assert choose_truth("cifar10", truth=place).metric == LATENCY


def test_a_free_score_is_no_name_of_a_metric() -> None:
    with pytest.raises(UsageError, match="'flops' is a free score"):
        make_metric("flops", "M", True, load_space().baselines)
    assert make_metric("flops:mine", "M", True, load_space().baselines) is not None


def test_values_too_fine_for_their_unit_are_refused() -> None:
    joule = TruthMetric("energy:a", "J", True)
    with pytest.raises(TruthError, match=r"energy:a, J that differ by less than 1e-6 .* smaller"):
        make(make_rows({"energy:a": [1e-8, 2e-8, 4e-6]}), (joule,))
    for fine in ([0.000001, 0.000002, 0.5], [100.0, 100.0000001, 250.0]):  # summed in two orders
        assert make(make_rows({"energy:a": fine}), (joule,)).n_archs == 3


@pytest.mark.parametrize("name", ["accuracy", "", "Latency:a", "latency:a b", ":a", "x" * 101])
def test_a_name_of_no_metric_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a metric of one's own"):
        make_metric(name, None, False)


def test_a_unit_without_a_metric_is_refused() -> None:
    with pytest.raises(UsageError, match="without the metric that has it"):
        make_metric(None, "ms", False)
    assert make_metric(None, None, False) is None
