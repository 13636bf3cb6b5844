"""`harness evaluate`: anybody's file, without torch and without a data folder for tiles."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at
from harness.stats import METRICS, populations_of
from harness.truth import default_query, find_truth
from tests.cli.commandline import Invoke
from tests.made_runs import N, make_run

POPULATIONS = populations_of(load_space())

TILES = find_truth("tiles")
TRUTH = TILES.mean(default_query("tiles"))
SCORES = TRUTH.value + 8.0 * np.random.RandomState(0).normal(size=len(TRUTH.value))


def write(path: Path, **columns: Any) -> Path:
    archs = [str(arch_at(index)) for index in TRUTH.keys.tolist()]
    pd.DataFrame({"arch_str": archs, "score": SCORES, **columns}).to_csv(path, index=False)
    return path


@pytest.fixture(autouse=True)
def _no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_answer_and_one_table_are_printed_as_a_report_does(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (write(tmp_path / "mine.csv"), "--dataset", "tiles")
    for width, gone in (("100", "regret @10; family; n"), ("80", "seeds; top half; cost, s")):
        monkeypatch.setenv("COLUMNS", width)
        shown = invoke("evaluate", *arguments).out
        table, more = shown.split("\nMore, by adding to the same command:\n")
        assert table == invoke("report", *arguments).out.split("\nMore, by adding")[0]
        assert table.startswith("live_params ranks best of 2 estimators: Kendall tau ")
        assert table.count("Leaderboard (600 architectures, tiles test") == 1
        assert max(map(len, table.splitlines())) <= int(width)
        assert gone in table.replace("\n", " ")
        assert more.startswith(
            "  --section leaderboard|populations|uncertainty|caveats\n  --full ("
        )
        assert "harness report" in more
        assert "--html" in more


def test_parts_are_printed_on_demand(invoke: Invoke, tmp_path: Path) -> None:
    call = ("evaluate", write(tmp_path / "mine.csv"), "--dataset", "tiles")
    shown = invoke(*call, "--section", "populations").out
    assert shown.startswith("Tau by population [95%]")
    assert "Leaderboard" not in shown
    for options, said in (
        (("--section", "populations", "--full"), "--section and --full were given"),
        (("--section", "populations", "--json"), "of an evaluation, that has all figures"),
        (("--section", "metrics"), "Unknown section 'metrics'"),
    ):
        result = invoke(*call, *options)
        assert (result.code, result.out) == (2, "")
        assert said in result.err


def test_a_file_gets_every_metric_where_all_is_asked_for(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("evaluate", write(tmp_path / "mine.csv"), "--dataset", "tiles", "--full")
    assert (result.code, result.err) == (0, "")
    tau = scipy.stats.kendalltau(SCORES, TRUTH.value).statistic
    assert f" architectures): mine {tau:.3f} [" in result.out
    assert "Truth: tiles test, 12 epochs, mean of trials" in result.out
    for text in (*POPULATIONS, *(metric.title for metric in METRICS.values())):
        assert text in result.out, text
    for title in ("Leaderboard", "Tau by population", "Uncertainty of tau by cause"):
        assert title in result.out
    assert "Pairs in the right order" in result.out
    for note in ("one-seed ref: ", "ceiling: ", "[95%]: "):
        assert result.out.count(note) == 1
    assert "Side by side" not in result.out


@pytest.mark.parametrize("command", ["evaluate", "report"])
def test_what_takes_long_shows_its_progress(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("harness.cli.progress.QUIET_S", 0.0)
    monkeypatch.setattr("harness.cli.progress.PLAIN_EVERY_S", 0.0)
    files = [write(tmp_path / f"{name}.csv") for name in "ab"]
    result = invoke(command, *files, "--dataset", "tiles", "--json")
    assert result.code == 0
    json.loads(result.out)
    told = [int(line.removeprefix("evaluating: ").rstrip("%")) for line in result.err.splitlines()]
    # Each population of two estimators; in a report of their difference, and what each adds.
    n_parts = 2 * len(POPULATIONS) if command == "evaluate" else 3 * len(POPULATIONS) + 2
    assert told == [round(100 * done / n_parts) for done in range(n_parts + 1)]


@pytest.mark.parametrize("arguments", [("--json",), ("--format", "json")])
def test_json_goes_to_standard_output_alone(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result = invoke("evaluate", write(tmp_path / "mine.csv"), "--dataset", "tiles", *arguments)
    (content,) = json.loads(result.out)["evaluations"]
    assert content["label"] == "mine"
    assert set(content["populations"]) == set(POPULATIONS)


def test_csv_and_markdown_are_whole(invoke: Invoke, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv")
    result = invoke("evaluate", path, "--dataset", "tiles", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert {row["population"] for row in rows} == {"", *POPULATIONS}
    result = invoke("evaluate", path, "--dataset", "tiles", "--format", "markdown")
    assert f"| all | {len(SCORES)} |" in result.out


def test_bad_rows_are_an_error_or_counted(invoke: Invoke, tmp_path: Path) -> None:
    scores = SCORES.copy()
    scores[[3, 9]] = np.nan
    path = write(tmp_path / "mine.csv", score=scores)
    result = invoke("evaluate", path, "--dataset", "tiles")
    assert (result.code, result.out) == (1, "")
    assert (
        f"column 'score' is missing or NaN in 2 of {len(SCORES)} rows. The first is row 3"
        in result.err
    )
    result = invoke("evaluate", path, "--dataset", "tiles", "--exclude-bad")
    assert result.code == 0
    assert "of its scores: 2 no score." in result.out


def test_a_column_of_losses_is_turned(invoke: Invoke, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", val_loss=-SCORES, score=1.0)
    options = ("--dataset", "tiles", "--json", "--score-column", "val_loss", "--lower-is-better")
    (content,) = json.loads(invoke("evaluate", path, *options).out)["evaluations"]
    tau = scipy.stats.kendalltau(SCORES, TRUTH.value).statistic
    assert content["populations"]["all"]["metrics"]["tau"]["value"] == pytest.approx(tau)
    assert content["score_kind"] == "minus column 'val_loss'"


def test_runs_and_files_stand_side_by_side_with_a_warning(invoke: Invoke, tmp_path: Path) -> None:
    for seed in (0, 1):
        make_run(
            tmp_path / "runs", np.random.RandomState(seed).normal(size=N), "spos", seed, truth=TILES
        )
    make_run(tmp_path / "runs", np.zeros(N), "spos", 2, "interrupted", truth=TILES)
    call = ("evaluate", tmp_path / "runs", write(tmp_path / "mine.csv"))
    for more in ((), ("--full",), ("--section", "caveats")):
        result = invoke(*call, *more)
        assert result.code == 0
        assert "These estimators are judged on different architectures" in result.out
        assert "Left out, not finished: tiles-spos-s2-" in result.err
    result = invoke(*call)
    assert result.out.startswith("These estimators are judged on different architectures")
    assert result.out.count("These estimators") == 1
    first, second = (f"Leaderboard ({n} architectures, tiles test" for n in (N, len(SCORES)))
    own, others = result.out.split(second)
    assert first in own
    assert [name in own.split(first)[1] for name in ("\nspos ", "\nmine ")] == [True, False]
    assert [name in others for name in ("\nspos ", "\nmine ")] == [False, True]
    assert "side by side" not in result.out.lower()
    shown = invoke(*call, "--full").out
    assert ": spos " in shown
    assert ": mine " in shown
    assert "Side by side" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "--dataset"),
        (("--dataset", "tils"), 2, "Did you mean 'tiles'"),
        (("--dataset", "tiles", "--epochs", "200"), 1, "has no rows for tiles test, 200 epochs"),
        (("--dataset", "tiles", "--policy", "best"), 2, "Unknown truth policy 'best'"),
        (("--dataset", "tiles", "--score-column", "scor"), 1, "Did you mean 'score'"),
        (("--dataset", "cifar10"), 1, "There is no published truth table of the space 'nb201'"),
        (("--dataset", "tiles", "--truth", "nb"), 2, "Unknown truth table 'nb'"),
        (("--dataset", "cifar10", "--data-dir", "nowhere"), 1, "data folder 'nowhere'"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = invoke("evaluate", write(tmp_path / "mine.csv"), *arguments)
    assert (result.code, result.out) == (code, "")
    assert message in result.err


def test_no_scores_at_all_is_wrong_usage(invoke: Invoke) -> None:
    result = invoke("evaluate", "--dataset", "tiles")
    assert result.code == 2
    assert "SCORES" in result.err


def test_a_table_by_its_path_is_the_truth(invoke: Invoke, tmp_path: Path) -> None:
    TILES.rows.assign(dataset="mine").to_parquet(tmp_path / "own.parquet")
    path = write(tmp_path / "mine.csv")
    result = invoke("evaluate", path, "--truth", tmp_path / "own.parquet", "--json")
    (content,) = json.loads(result.out)["evaluations"]
    assert content["truth"]["query"]["dataset"] == "mine"
    assert content["n"] == len(SCORES)


def test_several_data_sets_of_the_truth_are_each_evaluated(invoke: Invoke, tmp_path: Path) -> None:
    opposite = TILES.rows.assign(dataset="b", accuracy=100.0 - TILES.rows["accuracy"])
    rows = pd.concat([TILES.rows.assign(dataset="a"), opposite])
    rows.to_parquet(tmp_path / "own.parquet")
    call = ("evaluate", write(tmp_path / "mine.csv"), "--truth", tmp_path / "own.parquet")
    result = invoke(*call, "--dataset", "a", "--dataset", "b", "--json")
    evaluations = json.loads(result.out)["evaluations"]
    assert [each["truth"]["query"]["dataset"] for each in evaluations] == ["a", "b"]
    first, second = (each["populations"]["all"]["metrics"]["tau"]["value"] for each in evaluations)
    assert first == pytest.approx(-second)
    assert first > 0.3
    shown = invoke(*call, "--dataset", "a", "--dataset", "b", "--dataset", "a", "--full").out
    for dataset in "ab":
        against = f"against {dataset} test, 12 epochs, mean of trials"
        assert shown.count(f"Metrics [95%], mine, {against}") == 3
        assert shown.count(f"Kendall tau {against}") == 1
    assert "are judged on different architectures" not in shown
    shown = invoke(*call, "--dataset", "a", "--dataset", "b").out
    assert shown.count("Side by side (a: a test") == 1


@pytest.mark.parametrize("command", ["evaluate", "report", "check"])
@pytest.mark.parametrize("option", ["--split", "--epochs", "--policy", "--truth"])
def test_an_option_of_one_value_that_is_given_twice_is_refused(
    invoke: Invoke, tmp_path: Path, command: str, option: str
) -> None:
    path = write(tmp_path / "mine.csv")
    result = invoke(command, path, "--dataset", "tiles", option, "1", option, "2")
    assert (result.code, result.out) == (2, "")
    assert f"{option} was given 2 times, and takes one value" in result.err


def taus_of(out: str) -> dict[str, float]:
    return {
        each["label"]: each["populations"]["all"]["metrics"]["tau"]["value"]
        for each in json.loads(out)["evaluations"]
    }


def test_every_column_that_is_named_is_an_estimator(invoke: Invoke, tmp_path: Path) -> None:
    """`--score-column a --score-column b` took the last one."""
    path = write(tmp_path / "mine.csv", a=-SCORES, b=SCORES**3, host="x")
    call = ("evaluate", path, "--dataset", "tiles", "--json")
    expected = {"a": -scipy.stats.kendalltau(SCORES, TRUTH.value).statistic}
    expected["b"] = -expected["a"]
    for columns in (("a", "b"), ("a,b",), ("?",)):
        options = [word for column in columns for word in ("--score-column", column)]
        assert taus_of(invoke(*call, *options).out) == pytest.approx(expected, abs=1e-12)
    result = invoke("evaluate", f"{path}::b", f"{path}::a", *call[2:])
    assert list(taus_of(result.out)) == ["b", "a"]
    assert taus_of(result.out) == pytest.approx(expected, abs=1e-12)


def test_rows_and_the_column_of_architectures_can_be_named(invoke: Invoke, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv")
    frame = pd.read_csv(path).rename(columns={"arch_str": "cell"})
    frame["parent"] = frame["cell"].to_numpy()[::-1]
    both = pd.concat([frame.assign(steps=10), frame.assign(steps=20, score=-SCORES)])
    both.to_csv(path, index=False)
    call = ("evaluate", path, "--dataset", "tiles", "--json")
    result = invoke(*call)
    assert (result.code, result.out) == (1, "")
    assert "columns 'cell' and 'parent' name different architectures" in result.err
    result = invoke(*call, "--arch-column", "cell")
    assert "differ in column 'steps' (10, 20): select rows such as --rows 'steps=10'" in result.err
    tau = scipy.stats.kendalltau(SCORES, TRUTH.value).statistic
    for steps, expected in ((10, tau), (20, -tau)):
        result = invoke(*call, "--arch-column", "cell", "--rows", f"steps={steps}")
        assert taus_of(result.out)["mine"] == pytest.approx(expected, abs=1e-12)
    result = invoke(*call, "--rows", "steps")
    assert result.code == 2
    assert "--rows 'steps' is not COLUMN=VALUE" in result.err


def test_infinite_scores_rank_last_where_that_is_asked_for(invoke: Invoke, tmp_path: Path) -> None:
    scores = SCORES.copy()
    scores[[3, 9]] = -np.inf, np.inf
    path = write(tmp_path / "mine.csv", score=scores)
    result = invoke("evaluate", path, "--dataset", "tiles")
    assert "column 'score' is infinite in 2 of 600 rows" in result.err
    assert "--worst-if-bad" in result.err
    result = invoke("evaluate", path, "--dataset", "tiles", "--worst-if-bad", "--json")
    scores[[3, 9]] = SCORES.min() - 1.0
    tau = scipy.stats.kendalltau(scores, TRUTH.value).statistic
    assert taus_of(result.out)["mine"] == pytest.approx(tau, abs=1e-12)
    first, second = (arch_at(TRUTH.keys[row]) for row in sorted((3, 9)))
    said = f"2 architectures without a finite score rank last, as ties: {first}, {second}."
    shown = invoke("evaluate", path, "--dataset", "tiles", "--worst-if-bad", "--section", "caveats")
    assert said in shown.out


def test_standard_input_is_a_file(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write(tmp_path / "mine.csv").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    result = invoke("evaluate", "-", "--dataset", "tiles", "--json")
    tau = scipy.stats.kendalltau(SCORES, TRUTH.value).statistic
    assert taus_of(result.out) == pytest.approx({"standard input": tau}, abs=1e-12)


@pytest.mark.realdata
def test_a_public_file_of_thirteen_proxies_is_read_as_it_is(invoke: Invoke, data_dir: Path) -> None:
    path = data_dir / "nb201_more" / "zero_cost_cifar10.csv"
    call = ("evaluate", path, "--dataset", "cifar10", "--score-column", "*", "--json")
    found = taus_of(invoke(*call, "--data-dir", data_dir).out)
    frame = pd.read_csv(path)
    truth = find_truth("cifar10", data_dir).mean(default_query("cifar10"))
    index = {str(arch_at(key)): key for key in range(15_625)}
    accuracy = truth.value[np.searchsorted(truth.keys, frame["net_str"].map(index))]
    renamed = {name: f"{name} (zero_cost_cifar10.csv)" for name in ("flops", "params")}
    expected = {
        renamed.get(name, name): scipy.stats.kendalltau(frame[name], accuracy).statistic
        for name in frame.columns.drop(["net", "net_str"])
    }
    assert len(expected) == 13
    assert found == pytest.approx(expected, abs=1e-12)


def test_names_in_a_file_do_not_steer_the_terminal(invoke: Invoke, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", method="[red]\x1b[31m\x07evil")
    for more in ((), ("--full",)):
        result = invoke("evaluate", path, "--dataset", "tiles", *more)
        assert "[red]\\x1b[31m\\x07evil" in result.out
        assert not {"\x1b", "\x07"} & set(result.out)


def test_it_needs_no_torch(tmp_path: Path) -> None:
    code = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise AssertionError("imported " + name)

sys.meta_path.insert(0, Blocker())
from harness.cli.main import main
main(["evaluate", {str(write(tmp_path / "mine.csv"))!r}, "--dataset", "tiles"])
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "\nmine " in done.stdout
