"""`harness run --archs`: exactly the architectures of a file, by every kind of estimator."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.scores import load_scores
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.truth import default_query, find_truth
from tests.cli.commandline import TINY, Invoke
from tests.e2e.processes import only_run, run_here

BARE = tuple(word for word in TINY if word not in ("--n-archs", "3"))
TILES = find_truth("tiles").mean(default_query("tiles")).keys
KEYS = TILES[np.random.RandomState(0).permutation(len(TILES))[:40]]
ESTIMATORS = (
    "spos,live_params,jacov,live_params+jacov,predictor(n=8, model=forest, features=graf+spos),"
    "two-stage(first=live_params, second=jacov)"
)
SMALL = ("--set", "zero_cost.cells=1", "--set", "zero_cost.batch_size=4")
COMMAND = (*BARE, *SMALL, "--estimators", ESTIMATORS)


def write(path: Path, keys: Any = KEYS) -> Path:
    archs = [str(arch_at(key)) for key in keys]
    pd.DataFrame({"arch": archs, "score": range(len(archs))}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of each estimator; not to be changed, but by further runs."""
    folder = tmp_path_factory.mktemp("listed")
    code, _, err = run_here(*COMMAND, "--archs", write(folder / "mine.csv"), "--out", folder)
    assert code == 0, err
    return folder


def names(invoke: Invoke, *command: object) -> list[str]:
    result = invoke(*command, "--json")
    assert result.code == 0, result.err
    return sorted(run["run_id"] for run in json.loads(result.out)["runs"])


def test_every_estimator_scores_exactly_the_listed_architectures(out: Path) -> None:
    runs = sorted(path.parent for path in out.glob("*/record.json"))
    assert len(runs) == 5
    for path in runs:
        assert set(load_scores(path / "scores.parquet")["nb201_index"]) == set(KEYS.tolist()), path
        record = json.loads((path / "record.json").read_text())
        assert (record["data"]["n_ranked"], record["config"]["n_archs"]) == (40, 40)
        assert len(record["config"]["archs"]) == 40


def test_the_report_is_of_these_and_says_that_they_were_not_drawn(
    out: Path, invoke: Invoke
) -> None:
    result = invoke("report", out, out / "mine.csv", "--dataset", "tiles")
    assert result.code == 0, result.err
    assert "Leaderboard (40 architectures, tiles test" in result.out
    assert result.text.count("The 40 architectures ranked are a list of the user's own") == 1
    assert "permutation" not in invoke("report", out, "--full").out


def test_a_run_can_be_repeated_from_its_folder_alone_and_in_any_order(
    out: Path, invoke: Invoke, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("scores.parquet")}
    reversed_list = write(tmp_path / "other.csv", KEYS[::-1])
    assert len(names(invoke, *COMMAND, "--archs", reversed_list, "--out", out)) == 5
    run = only_run(out, "jacov")
    again = ("run", "--config", run / "config.toml")
    assert names(invoke, *again, "--out", out) == [run.name]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("scores.parquet")} == before
    names(invoke, *again, "--n-archs", "5", "--out", tmp_path / "five")
    scores = load_scores(only_run(tmp_path / "five", "jacov") / "scores.parquet")
    assert tuple(scores["nb201_index"]) == sample_indices(5)
    listed = f"archs=['{arch_at(5)}']"
    both = invoke(*again, "--n-archs", "5", "--set", listed, "--out", tmp_path / "no")
    assert "n_archs = 5 and rank_offset = 0 were asked for besides archs" in both.err


def test_a_trained_supernet_is_ranked_on_another_list_without_scoring_one_twice(
    out: Path, invoke: Invoke, tmp_path: Path
) -> None:
    run = only_run(out, "spos")
    part = write(tmp_path / "part.csv", KEYS[:7])
    (name,) = names(invoke, "rank", run, "--archs", part)
    record = json.loads((out / name / "record.json").read_text())
    assert name.rpartition("-")[0] == run.name.rpartition("-")[0]
    assert record["ranking"]["reused"] == {"run_ids": [run.name], "n_archs": 7}
    (name,) = names(invoke, "rank", run, "--n-archs", "5")
    scores = load_scores(out / name / "scores.parquet")
    assert tuple(scores["nb201_index"]) == sample_indices(5)


def test_several_supernets_are_ranked_on_a_list_from_standard_input(
    out: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "index,score\n" + "".join(f"{key},1\n" for key in range(11))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    run = min(out.glob("tiles-spos-*"))  # given twice
    result = invoke("rank", run, out / ".." / out.name / run.name, "--archs", "-", "--json")
    assert result.code == 0, result.err
    assert result.err.count("Note: standard input: column 'index' was taken for places") == 1


@pytest.mark.parametrize("estimator", ["spos", "jacov", "live_params"])
def test_a_list_without_any_truth_is_refused_before_anything_is_trained(
    estimator: str, invoke: Invoke, tmp_path: Path
) -> None:
    path = write(tmp_path / "mine.csv", [key for key in range(700) if key not in TILES][:40])
    result = invoke(*BARE, "--estimators", estimator, "--archs", path, "--out", tmp_path / "runs")
    assert result.code == 1
    assert "None of the 40 architectures to rank has a truth (tiles test" in result.err
    assert "600 architectures" in result.err
    assert not list((tmp_path / "runs").rglob("record.json"))
    path = write(tmp_path / "mine.csv", [TILES[0], *range(3)])  # one of them is enough
    result = invoke(*BARE, "--estimators", estimator, "--archs", path, "--out", tmp_path / "runs")
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--n-archs", "3"), "n_archs = '3' were given, which both say which architectures to"),
        (("--set", "rank_offset=3"), "rank_offset = 3 were given, which both say"),
        (("--space", "macro"), "names no architecture of the space 'macro' in any form"),
    ],
)
def test_what_contradicts_a_list_is_refused(
    invoke: Invoke, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    command = (*BARE, "--estimators", "live_params", "--out", tmp_path / "runs", *more)
    result = invoke(*command, "--archs", write(tmp_path / "mine.csv"))
    assert result.code in (1, 2)
    assert message in result.err
    assert not (tmp_path / "runs").exists()
