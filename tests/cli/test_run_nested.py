"""`harness run` and `harness sweep` with estimators that need the scores of others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.settings.presets import PRESETS
from tests.cli.commandline import TINY, Invoke
from tests.e2e.processes import run_here

PREDICTED = "predictor(n=8, model=forest, features=graf+spos)"
COMMAND = (*TINY, "--n-archs", "30", "--rank-images", "40", "--estimators")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a predictor's run and that of its supernet; not to be changed."""
    folder = tmp_path_factory.mktemp("nested")
    code, _, err = run_here(*COMMAND, PREDICTED, "--out", folder)
    assert code == 0, err
    return folder


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "record.json").read_text())
    return found


def test_the_supernets_run_is_computed_first_and_is_that_of_its_own_command(
    out: Path, invoke: Invoke
) -> None:
    (supernet,) = out.glob("tiles-spos-s0-*")
    (predictor,) = out.glob("tiles-predictor-s0-*")
    assert read(supernet)["finished"] <= read(predictor)["started"]
    alone = invoke(*COMMAND, "spos", "--out", out, "--json")
    assert [run["run_id"] for run in json.loads(alone.out)["runs"]] == [supernet.name]


def test_the_record_says_whose_scores_they_are_and_what_they_cost(out: Path) -> None:
    (supernet,) = out.glob("tiles-spos-s0-*")
    (predictor,) = out.glob("tiles-predictor-s0-*")
    record = read(predictor)
    (nested,) = record["ranking"]["nested"]
    assert (nested["name"], nested["run_id"], nested["seed"]) == ("spos", supernet.name, 0)
    timings = read(supernet)["timings"]
    assert nested["cost"]["preparation"] == pytest.approx(timings["train_s"])
    assert nested["cost"]["total"] == pytest.approx(timings["train_s"] + timings["rank_s"])
    assert record["config"]["steps"] == 4  # what decides the supernet's scores is stored


def test_the_same_command_computes_nothing_again(out: Path, invoke: Invoke) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("scores.parquet")}
    assert len(before) == 2
    assert invoke(*COMMAND, PREDICTED, "--out", out, "--json").code == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("scores.parquet")} == before


def test_a_finished_run_does_without_a_supernet_that_is_gone(
    out: Path, invoke: Invoke, tmp_path: Path
) -> None:
    (predictor,) = out.glob("tiles-predictor-s0-*")
    shutil.copytree(predictor, tmp_path / predictor.name)
    result = invoke(*COMMAND, PREDICTED, "--out", tmp_path, "--json")
    assert result.code == 0, result.err
    assert [run["run_id"] for run in json.loads(result.out)["runs"]] == [predictor.name]


def test_the_report_prices_the_predictor_with_its_supernet(out: Path, invoke: Invoke) -> None:
    result = invoke("report", out, "--json")
    places = json.loads(result.out)["sections"][0]["leaderboard"]
    cost = {place["estimator"]: place["cost"]["total"] for place in places if place["cost"]}
    assert cost[PREDICTED] > cost["spos"] > 0.0


def test_another_supernet_is_another_run(out: Path, invoke: Invoke, tmp_path: Path) -> None:
    result = invoke(*COMMAND, PREDICTED, "--set", "steps=5", "--out", tmp_path, "--json")
    assert result.code == 0, result.err
    names = {run["run_id"] for run in json.loads(result.out)["runs"]}
    assert len(names) == 2
    assert not names & {path.name for path in out.iterdir()}


def test_features_can_be_held_for_several_label_seeds(tmp_path: Path, invoke: Invoke) -> None:
    held = PREDICTED.replace("spos", "spos+nwot, supernet_seed=3, proxy_seed=4")
    result = invoke(*COMMAND, held, "--seeds", "0,1", "--jobs", "2", "--out", tmp_path, "--json")
    assert result.code == 0, result.err
    runs = {run["run_id"]: run for run in json.loads(result.out)["runs"]}
    (supernet,) = tmp_path.glob("tiles-spos-*")
    assert len(runs) == 3
    assert "-s3-" in supernet.name
    predictors = [run for name, run in runs.items() if name != supernet.name]
    assert [run["config"]["seed"] for run in predictors] == [0, 1]
    nested = [run["ranking"]["nested"] for run in predictors]
    assert nested[0] == nested[1]
    assert (nested[0][0]["run_id"], nested[0][0]["seed"]) == (supernet.name, 3)
    assert [path.name[:9] for path in (tmp_path / "zero_cost").iterdir()] == ["tiles-s4-"]


def test_what_an_unfinished_supernet_leaves_is_told(tmp_path: Path, invoke: Invoke) -> None:
    diverging = (*COMMAND, PREDICTED, "--set", "lr=1e20", "--set", "clip_norm=0")
    result = invoke(*diverging, "--out", tmp_path)
    assert result.code == 1
    assert "needs the scores of run tiles-spos-s0-" in result.err
    assert "which is failed: " in result.err


TWO_STAGES = (
    "two-stage(first=spos+live_params, second=predictor(n=8, features=graf+spos), share=0.4)"
)


def test_two_stages_are_one_run_that_shares_the_supernet_of_both(
    out: Path, invoke: Invoke, tmp_path: Path
) -> None:
    (supernet,) = out.glob("tiles-spos-s0-*")
    shutil.copytree(supernet, tmp_path / supernet.name)
    result = invoke(*COMMAND, f"{TWO_STAGES},live_params", "--out", tmp_path)
    assert result.code == 0, result.err
    (folder,) = tmp_path.glob("tiles-two-stage-*")
    record = read(folder)
    (nested,) = record["ranking"]["nested"]
    assert nested["run_id"] == supernet.name
    scores = pd.read_parquet(folder / "scores.parquet")
    assert (scores["status"] == "label").sum() == len(pd.read_parquet(folder / "labels.parquet"))
    assert record["summary"]["n"] == 30 - 8
    assert TWO_STAGES in result.text
    places = json.loads(invoke("report", tmp_path, "--json").out)["sections"][0]["leaderboard"]
    costs = {place["estimator"]: place["cost"]["total"] for place in places}
    labels = {place["estimator"]: place["n_labels"] for place in places}
    counted_once = nested["cost"]["total"] + record["timings"]["score_s"]
    assert costs[TWO_STAGES] == pytest.approx(counted_once)
    assert labels[TWO_STAGES] == 8


STUDY = """
[base]
n_archs = 30
preset = "smoke"
estimator = "predictor"
steps = 4
batch_size = 4
channels = 2
rank_images = 40
probe_every = 0
rank_every = 0
predictor = {n = 8, model = "forest", features = "graf+spos"}
[grid]
seed = [0, 1]
"""


def test_a_sweep_computes_them_too(tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "few.toml").write_text(STUDY)
    out = tmp_path / "out"
    arguments = ("sweep", tmp_path / "few.toml", "--out", out, "--jobs", "2", "--json")
    result = invoke(*arguments)
    assert result.code == 0, result.err
    runs = json.loads(result.out)["runs"]
    assert {run["status"] for run in runs} == {"finished"}
    assert [run["run_id"].split("-")[1] for run in runs] == ["spos", "predictor"] * 2
    assert "Without effect" not in result.err


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("predictor(features=graf+spoz)", "feature of space 'nb201' 'spoz'. Did you mean 'spos'?"),
        ("predictor(prior=live_params+spoz)", "for a prior on 'nb201' 'spoz'. Did you mean 'spos'"),
        ("predictor(features=graf+jacov(n=3))", "Unknown setting 'zero_cost.n'"),
        ("predictor(features=graf+predictor(n=8))", "name predictor(n=8), which is fitted to"),
        ("predictor(model=forrest)", "Did you mean 'forest'?"),
        ("predictor(n=30)", "predictor.n = 30 was given; of the 30 architectures"),
        ("predictor(n=8,supernet_seed=3)", "predictor.supernet_seed = 3 was given, and has no"),
        (
            "predictor(n=8,proxy_seed=3)",
            "its scores is a proxy. Leave it out, or name one, such as",
        ),
        ("two-stage(first=jacof)", "Unknown estimator 'jacof'. Did you mean 'jacov'?"),
        ("learning_curve(split=test)", "which is the truth that the run is judged by"),
        ("two-stage(share=1.5)", "two-stage.share = 1.5"),
        ("two-stage(second=predictor(n=30))", "predictor.n = 30 was given; of the 30"),
        ("two-stage(second=predictor(n=8,model=forrest))", "Did you mean 'forest'?"),
        ("two-stage(second=jacov(cels=1))", "Did you mean 'zero_cost.cells'?"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_written(
    names: str, message: str, invoke: Invoke, tmp_path: Path
) -> None:
    result = invoke(*COMMAND, names, "--out", tmp_path / "runs")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert not (tmp_path / "runs").exists()


def test_a_preset_may_name_what_it_ranks_with_unless_a_command_does(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {**PRESETS["tiles"]["smoke"], "zero_cost": PRESETS["cifar10"]["hour"]["zero_cost"]}
    monkeypatch.setitem(PRESETS["tiles"], "hour", small)
    hour = [part if part != "smoke" else "hour" for part in COMMAND[:-1]]
    sizes = ("--set", "zero_cost.channels=2", "--out", tmp_path)
    first = invoke(*hour, *sizes, "--json")
    assert first.code == 0, first.err
    runs = json.loads(first.out)["runs"]
    kinds = [run["config"]["estimator"] for run in runs]
    assert kinds == ["supernet", "jacov", "synflow", "two-stage"]
    ranked = [run["config"].get("zero_cost", {}).get("draws") for run in runs]
    assert ranked == [None, 4, 4, 4]
    for named in (("--estimators", "params"), ("--set", "estimator=params")):
        other = invoke(*hour, *named, "--out", tmp_path, "--json")
        assert other.code == 0, other.err
        kinds = [run["config"]["estimator"] for run in json.loads(other.out)["runs"]]
        assert kinds == ["params"]
