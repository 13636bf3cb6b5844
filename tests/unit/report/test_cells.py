"""How figures are written: spread over seeds, and what each interval is over."""

from __future__ import annotations

import csv
import io
import statistics

import numpy as np
import pandas as pd
import pytest

import harness
from harness.report.cells import write_ceiling, write_figure, write_gap
from harness.report.rendering import EVALUATION_WRITERS
from harness.report.seed_means import mean_over_seeds
from harness.stats import Interval, MetricResult
from harness.truth import default_query, find_truth

VALUES = (0.5, 0.6, 0.85)
ARCHS = Interval(0.6, 0.7, 0.02, "architectures")
SEEDS = Interval(0.2, 1.0, 0.1, "seeds")
BOTH = Interval(0.2, 1.0, 0.1, "seeds and architectures")


def make_metric(*intervals: Interval | None) -> MetricResult:
    return MetricResult("tau", statistics.mean(VALUES), VALUES, "ok", 60, *intervals)


@pytest.mark.parametrize(
    ("intervals", "end"),
    [
        ((ARCHS, SEEDS, BOTH), "[0.200, 1.000]"),
        ((ARCHS, None, ARCHS), "[0.600, 0.700] a"),
        ((None, SEEDS, SEEDS), "[0.200, 1.000] s"),
        ((None, SEEDS, None), "[0.200, 1.000] s"),
    ],
)
def test_a_table_marks_what_an_interval_is_over(
    intervals: tuple[Interval | None, ...], end: str
) -> None:
    assert write_figure(make_metric(*intervals)) == f"0.650 {end}"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.000"), (0.0061, "0.006"), (1.2e-5, "1.2e-05"), (4e-4, "0.0004")]
)
def test_a_regret_of_small_numbers_is_not_written_as_none(value: float, text: str) -> None:
    result = MetricResult("regret_at_10", value, (value,), "ok", 60, None, None, None)
    assert write_figure(result) == text


@pytest.mark.parametrize(
    ("gap", "text"), [(0.7, "0.70"), (12.0, "12.00"), (0.0123, "0.0123"), (3e-6, "3e-06")]
)
def test_a_gap_of_small_numbers_is_not_written_as_none(gap: float, text: str) -> None:
    assert write_gap(gap) == text


def test_the_spread_over_seeds_is_that_of_a_sample() -> None:
    expected = statistics.stdev(VALUES)  # over n - 1
    text = write_figure(make_metric(ARCHS, SEEDS, BOTH), with_spread=True)
    assert text.split(" [")[0] == f"0.650 +- {expected:.3f}"
    assert mean_over_seeds([*VALUES, None]).sd == pytest.approx(expected, rel=1e-12)


def test_csv_has_the_same_spread_and_the_range_of_the_ceiling() -> None:
    truth = find_truth("tiles").mean(default_query("tiles"))
    noise = np.random.RandomState(0).normal(0, 5, size=(2, len(truth.value)))
    frame = pd.concat(
        pd.DataFrame({"nb201_index": truth.keys, "score": truth.value + noise[seed], "seed": seed})
        for seed in (0, 1)
    )
    result = harness.evaluate(frame, "tiles")
    rows = list(csv.DictReader(io.StringIO(EVALUATION_WRITERS["csv"]([result]))))
    (tau,) = [row for row in rows if (row["population"], row["figure"]) == ("all", "tau")]
    ceiling = result.populations["top_10"].ceiling
    assert ceiling is not None
    (row,) = [row for row in rows if (row["population"], row["figure"]) == ("top_10", "ceiling")]
    assert (float(row["low"]), float(row["high"])) == (ceiling.low, ceiling.high)
    shown = write_ceiling(result.populations["top_10"])
    assert shown == f"{ceiling.tau:.3f} [{ceiling.low:.3f}, {ceiling.high:.3f}]"
    values = result.populations["all"].metrics["tau"].per_seed
    assert float(tau["sd_over_seeds"]) == pytest.approx(statistics.stdev(values), rel=1e-12)
