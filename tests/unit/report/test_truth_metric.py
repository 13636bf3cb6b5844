"""Estimators judged by another metric than accuracy, in its direction and unit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from click.testing import CliRunner

import harness
from harness.cli.main import cli
from harness.errors import TruthError, UsageError
from harness.report.figures import make_figures
from harness.report.leaderboard import leaderboard_block
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.truth import TruthTable, make_table
from harness.truth.metric import TruthMetric
from tests.metric_tables import make_metric_table, save_metric_table

N = 60
INDEX = np.sort(sample_indices(N))
RNG = np.random.RandomState(0)
LATENCY = RNG.uniform(5.0, 190.0, N).round(3)
ROBUST = RNG.uniform(10.0, 60.0, N).round(1)
METRICS = (TruthMetric("latency:phone", "ms", True), TruthMetric("robust:pgd@linf:eps=1", "%"))
SCORES = -LATENCY + 30.0 * RNG.standard_normal(N)


@pytest.fixture(scope="module", name="data")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for metric, values, epochs in zip(METRICS, (LATENCY, ROBUST), (0, 200), strict=True):
        save_metric_table(folder, make_metric_table(metric, INDEX, values, epochs))
    scores = pd.DataFrame({"nb201_index": INDEX, "score": SCORES})
    scores.to_csv(folder / "mine.csv", index=False)
    return folder


def evaluate(data: Path, metric: str) -> harness.EvaluationResult:
    scores = dict(zip(INDEX.tolist(), SCORES, strict=True))
    return harness.evaluate(scores, truth_metric=metric, data_dir=data)


def test_a_lower_value_is_better_where_the_metric_says_so(data: Path) -> None:
    result = evaluate(data, "latency:phone")
    tau = scipy.stats.kendalltau(SCORES, -LATENCY).statistic
    metrics = result.populations["all"].metrics
    assert result.tau == pytest.approx(tau, rel=1e-12)
    assert metrics["regret_at_1"].value == pytest.approx(
        LATENCY[SCORES.argmax()] - LATENCY.min(), abs=1e-9
    )
    rank = 1 + int((LATENCY[SCORES.argmax()] > LATENCY).sum())
    assert metrics["best_rank_at_1"].value == rank
    fastest = result.populations["top_50"].population.mask
    assert LATENCY[fastest].max() < LATENCY[~fastest].min()
    assert result.truth.title == "latency:phone, cifar10 (ms, lower is better)"
    assert result.truth.to_dict()["metric"] == METRICS[0]._asdict()
    assert result.populations["all"].ceiling is None


def test_a_higher_value_is_better_where_the_metric_says_so(data: Path) -> None:
    result = evaluate(data, "robust:pgd@linf:eps=1")
    tau = scipy.stats.kendalltau(SCORES, ROBUST).statistic
    assert result.tau == pytest.approx(tau, rel=1e-12)
    assert "200 epochs" in result.truth.title


def make_repeated(values: np.ndarray, metric: TruthMetric) -> TruthTable:
    """A table of three trials of each architecture, [arch, trial]."""
    rows = pd.DataFrame(
        {
            "nb201_index": INDEX.repeat(3),
            "arch_str": [str(arch_at(index)) for index in INDEX.repeat(3).tolist()],
            "metric": metric.name,
            "dataset": "cifar10",
            "split": "test",
            "epochs": 12,
            "trial": np.tile(np.arange(3), N),
            "seed": -1,
            "value": values.reshape(-1),
        }
    )
    return make_table(rows, "repeated", {}, metrics=(metric,))


def test_a_metric_and_its_mirror_image_give_the_same_figures() -> None:
    loss = RNG.uniform(1.0, 90.0, (N, 1)) + RNG.standard_normal((N, 3)).round(3)
    tables = (
        make_repeated(loss, TruthMetric("loss", "nats", True)),
        make_repeated(100.0 - loss, TruthMetric("gain", "nats")),
    )
    scores = dict(
        zip(INDEX.tolist(), -loss.mean(axis=1) + 20 * RNG.standard_normal(N), strict=True)
    )
    lower, higher = (harness.evaluate(scores, truth=table) for table in tables)
    for name, part in lower.populations.items():
        other = higher.populations[name]
        assert part.population.n == other.population.n
        assert (part.ceiling is None) == (other.ceiling is None)
        if part.ceiling is not None and other.ceiling is not None:
            assert part.ceiling.tau == pytest.approx(other.ceiling.tau, abs=0.02)
        for metric, found in part.metrics.items():
            assert found.value == pytest.approx(other.metrics[metric].value, abs=1e-5), metric
    assert lower.populations["all"].ceiling is not None
    assert lower.populations["all"].components is not None
    shares = [[bin_.concordant for bin_ in each.figures.gap_curve.bins] for each in (lower, higher)]
    assert shares[0] == shares[1]


def test_gaps_are_in_the_unit_of_the_metric(data: Path) -> None:
    result = evaluate(data, "latency:phone")
    assert [part.high for part in result.figures.gap_curve.bins][:3] == [1.0, 2.5, 5.0]
    assert any("ms, at least 90% of pairs" in line for line in result.words) or any(
        line.startswith("At no true gap that at least 435 pairs exceed are 90%")
        for line in result.words
    )


def test_a_report_names_metric_unit_and_direction(data: Path) -> None:
    report = harness.compare([data / "mine.csv"], truth_metric="latency:phone", data_dir=data)
    figures = {figure.name: figure for figure in make_figures(report)}
    scatter = figures["rank-against-truth"]
    assert scatter.x_label == "true latency:phone, ms (lower is better)"
    assert scatter.series[0].x == tuple(LATENCY)  # as the table has them
    assert figures["order-by-gap"].x_label == "true gap, ms"
    block = leaderboard_block(report.sections[0])
    assert "regret @10, ms" in block.headings
    assert "lower is better" in block.title
    (wrong,) = [line for line in report.words if "wrong way round" in line] or [""]
    floor = report.sections[0].evaluations[0].populations["all"].baselines["live_params"].value
    assert bool(wrong) == (floor is not None and floor < 0)


def test_an_unknown_metric_names_the_nearest(data: Path) -> None:
    with pytest.raises(UsageError, match=r"Unknown truth metric 'latency:phon'. Did you mean 'lat"):
        evaluate(data, "latency:phon")
    with pytest.raises(TruthError, match="no rows for latency:phone, cifar100"):
        harness.evaluate({1: 1.0}, truth_metric="latency:phone", data_dir=data, dataset="cifar100")


def test_without_tables_the_error_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # where a user's own may be
    with pytest.raises(UsageError, match="harness data fetch nb201-latency"):
        harness.evaluate({1: 1.0}, truth_metric="latency:raspi4", data_dir=tmp_path)


Run = Callable[..., str]


@pytest.fixture(name="run")
def _run(data: Path) -> Run:
    def call(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(cli, [*words, "--data-dir", str(data)])
        assert result.exit_code == code, result.output
        return f"{result.output}{result.exception or ''}"

    return call


def test_every_command_takes_the_metric(run: Run, data: Path, tmp_path: Path) -> None:
    scores, metric = str(data / "mine.csv"), ("--truth-metric", "latency:phone")
    (found,) = json.loads(run("evaluate", scores, *metric, "--json"))["evaluations"]
    assert found["truth"]["query"]["metric"] == "latency:phone"
    assert found["populations"]["all"]["metrics"]["tau"]["value"] > 0.5
    rows = pd.read_csv(io.StringIO(run("evaluate", scores, *metric, "--format", "csv")))
    assert set(rows["metric"]) == {"latency:phone"}
    baseline = tmp_path / "b.json"
    run("check", scores, *metric, "--save-baseline", str(baseline))
    assert json.loads(baseline.read_text())["truth"]["metric"] == "latency:phone"
    assert json.loads(baseline.read_text())["methods"][0]["tau"][0] > 0.5
    # The baseline says what is measured, so that it need not be repeated.
    assert "latency:phone" in run("check", scores, "--baseline", str(baseline))
    other = ("--truth-metric", "robust:pgd@linf:eps=1")
    assert "judged by latency:phone" in run(
        *("check", scores, *other, "--baseline", str(baseline)), code=1
    )
    assert "latency" in run("truth", "list")
    assert "latency:phone, cifar10: 60 architectures" in run("truth", "list")
    shown = run("truth", "show", str(INDEX[LATENCY.argmin()]), "--table", "latency")
    assert "latency:phone, ms" in shown
    assert json.loads(run("truth", "stats", "--table", "latency", "--json"))["mean"] == (
        pytest.approx(LATENCY.mean())
    )
