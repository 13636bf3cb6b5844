"""`harness run --estimators`: run folders of proxies, free scores and supernets in one report."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.commandline import TINY, Invoke
from tests.e2e.processes import run_here

NAMES = ("spos", "jacov", "nwot", "live_params")
COMMAND = (*TINY, "--estimators", ",".join(NAMES), "--set", "zero_cost.batch_size=8")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of each; not to be changed."""
    folder = tmp_path_factory.mktemp("estimators")
    code, _, err = run_here(*COMMAND, "--out", folder)
    assert code == 0, err
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_run_folder_with_its_record_and_scores(out: Path, name: str) -> None:
    (folder,) = out.glob(f"tiles-{name}-s0-*")
    record = json.loads((folder / "record.json").read_text())
    assert record["status"] == "finished"
    assert len(pd.read_parquet(folder / "scores.parquet")) == 3
    has_table = "zero_cost" in record["config"]
    assert has_table == (name in ("jacov", "nwot"))


def test_the_same_command_computes_nothing_again(out: Path, invoke: Invoke) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("scores.parquet")}
    assert invoke(*COMMAND, "--out", out, "--json").code == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("scores.parquet")} == before


def test_a_report_names_each_by_what_it_is(out: Path, invoke: Invoke) -> None:
    result = invoke("report", out, "--json")
    assert result.code == 0
    for label in NAMES:
        assert f'"{label}"' in result.out
    assert "jacov of the untrained network, C=8, N=1, batch 8" in result.out
    assert "number of parameters of the live part" in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--estimators", "jacof"), "Unknown estimator 'jacof'. Did you mean 'jacov'?"),
        (("--estimators", ","), "--estimators ',' names no estimator."),
        (("--estimators", "spos", "--set", "zero_cost.cells=1"), "has no effect"),
        (("--estimators", "params", "--set", "zero_cost.cells=1"), "no estimator of this command"),
        (("--estimators", "jacov", "--set", "zero_cost.cell=1"), "Did you mean 'zero_cost.cells'"),
        (("--estimators", "jacov", "--set", "zero_cost.cells=0"), "zero_cost.cells = 0"),
    ],
)
def test_a_mistake_is_explained(
    tmp_path: Path, invoke: Invoke, arguments: tuple[str, ...], message: str
) -> None:
    result = invoke(*TINY, "--out", tmp_path, *arguments)
    assert result.code == 2
    assert message in result.err


def test_the_name_has_only_what_is_read_and_the_rest_is_said_to_have_no_effect(
    out: Path, tmp_path: Path, invoke: Invoke
) -> None:
    alone = [*COMMAND, "--estimators", "jacov,live_params", "--set", "lr=0.3"]
    result = invoke(*alone, "--out", out, "--json")
    assert result.code == 0
    assert "Without effect: lr = 0.3, since no requested estimator reads it." in result.err
    names = {run["run_id"] for run in json.loads(result.out)["runs"]}
    stored = {path.name for name in ("jacov", "live_params") for path in out.glob(f"*-{name}-*")}
    assert names == stored
    beside = invoke(*COMMAND, "--set", "lr=0.3", "--out", tmp_path, "--json")
    assert beside.code == 0
    assert "Without effect" not in beside.err


def test_free_scores_have_one_run_whatever_the_seeds(tmp_path: Path, invoke: Invoke) -> None:
    arguments = ("--estimators", "params", "--seeds", "2,1", "--out", tmp_path, "--json")
    (run,) = json.loads(invoke(*TINY, *arguments).out)["runs"]
    assert "seed" not in run["config"]


def test_the_estimator_can_also_be_set(tmp_path: Path, invoke: Invoke) -> None:
    result = invoke(*TINY, "--out", tmp_path, "--set", "estimator=live_flops", "--json")
    assert result.code == 0
    (run,) = json.loads(result.out)["runs"]
    assert run["config"]["estimator"] == "live_flops"


def test_a_free_score_that_is_set_is_one_of_the_space_that_is_named(
    tmp_path: Path, invoke: Invoke
) -> None:
    asked = ("--set", "estimator=depth", "--data-dir", tmp_path, "--out", tmp_path)
    assert "Unknown estimator 'depth'" in invoke(*TINY, *asked).err
    # the name is known, and what lacks is a truth to judge it by
    assert "no truth table of the space 'macro'" in invoke(*TINY, *asked, "--space", "macro").err


COMBINED = "live_params+jacov+2*spos"


def test_a_combination_is_in_the_report_of_the_command_that_names_it(
    out: Path, invoke: Invoke
) -> None:
    command = list(COMMAND)
    command[command.index("--estimators") + 1] = f"nwot,{COMBINED}"
    before = set(out.glob("tiles-*"))
    result = invoke(*command, "--out", out)
    assert result.code == 0, result.err
    assert set(out.glob("tiles-*")) == before  # its components were there, the free one needs none
    assert f"\n{COMBINED}" in result.out  # a row
    assert f"--estimators 'all,{COMBINED}'" in result.out


def test_a_combination_of_free_scores_trains_nothing(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke(*TINY, "--estimators", "params+live_flops", "--out", tmp_path)
    assert result.code == 0, result.err
    runs = {path.name.partition("-s0-")[0] for path in tmp_path.glob("tiles-*")}
    assert runs == {"tiles-params", "tiles-live_flops"}
    assert "params+live_flops (n=3)" in result.out


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("live_params+jacof", "Unknown estimator 'jacof'. Did you mean 'jacov'?"),
        ("jacov+jacov", "names jacov twice"),
        ("jacov+", "has a component without a name"),
        ("0*jacov+spos", "gives jacov the weight 0"),
        ("zero-cost+spos", "'zero-cost' as a component, which is a group. Name one estimator"),
    ],
)
def test_a_wrong_combination_is_refused_before_anything_is_computed(
    names: str, message: str, invoke: Invoke, tmp_path: Path
) -> None:
    result = invoke("run", "--preset", "smoke", "--estimators", names, "--out", tmp_path / "runs")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert not (tmp_path / "runs").exists()


FEW = "predictor(n=8,model=forest)"
"""Given with quotes in a shell; the two leave out what is at its default."""
MORE = "predictor(n=20, model=gp, features=one-hot)"
PREDICTED = ("run", "--preset", "smoke", "--seeds", "0,1", "--estimators")


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with runs of two predictors, and the report of the command."""
    folder = tmp_path_factory.mktemp("predicted")
    names = f"{FEW},{MORE},live_params+{FEW}"
    code, _, err = run_here(*PREDICTED, names, "--out", folder)
    assert code == 0, err
    code, text, err = run_here("report", folder, "--full", "--estimators", f"all,live_params+{FEW}")
    assert code == 0, err
    return folder, text


def test_settings_in_brackets_make_a_run_each_and_its_label(predicted: tuple[Path, str]) -> None:
    folder, text = predicted
    assert len(list(folder.glob("tiles-predictor-s0-*"))) == 2
    whole = "predictor(n=8, model=forest, features=graf)"
    rows = {
        line.split("\u2502")[1].strip(): line.split("\u2502")
        for line in text.splitlines()[:12]
        if "\u2502" in line
    }
    assert rows[whole][4].strip() == "8"
    assert rows[MORE][4].strip() == "20"
    assert any(label.startswith(f"live_params+{whole} (n=") for label in rows)


def test_no_seed_is_judged_on_its_labels_and_the_report_says_where_they_are_from(
    predicted: tuple[Path, str], invoke: Invoke
) -> None:
    folder, _ = predicted
    result = invoke("report", folder, "--json")
    assert result.code == 0
    section = json.loads(result.out)["sections"][0]
    labels_of = {place["estimator"]: place["n_labels"] for place in section["leaderboard"]}
    for path in folder.glob("tiles-predictor-*"):
        record = json.loads((path / "record.json").read_text())
        n = record["config"]["predictor"]["n"]
        scores, labels = (
            pd.read_parquet(path / f"{name}.parquet") for name in ("scores", "labels")
        )
        is_label = scores["status"] == "label"
        assert set(scores["nb201_index"][is_label]) == set(labels["nb201_index"])
        assert (is_label.sum(), scores["score"][~is_label].notna().all()) == (n, True)
        assert record["summary"]["n"] == 40 - n
    assert (labels_of[MORE], labels_of["live_params"]) == (20, 0)
    note = "each seed was fitted to labels (tiles test, 12 epochs, mean of trials) of the very"
    assert f"{MORE}: {note} truth table that its run was judged by." in result.text


def test_a_name_may_leave_out_what_the_label_says(
    predicted: tuple[Path, str], invoke: Invoke
) -> None:
    folder, _ = predicted
    result = invoke("report", folder, "--estimators", "predictor(n=20),live_params", "--json")
    assert result.code == 0, result.err
    places = json.loads(result.out)["sections"][0]["leaderboard"]
    assert {place["estimator"] for place in places} == {MORE, "live_params"}
    result = invoke("report", folder, "--estimators", "predictor")
    assert result.code == 2
    assert "Unknown estimator 'predictor'" in result.err


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("predictor(n=32", "'predictor(n=32' is not an estimator with settings."),
        ("predictor(m=32)", "Unknown setting 'predictor.m'. Did you mean 'predictor.n'?"),
        ("predictor(n=3,n=4)", "contradict each other"),
        ("live_params(n=3)", "'live_params' has no settings of its own"),
        ("live_params+predictor(n=1)", "predictor.n = 1"),
        ("predictor(n=40)", "predictor.n = 40 was given; of the 40 architectures"),
        ("spos(lr=0.1)", "'spos' has no settings of its own"),
    ],
)
def test_wrong_settings_in_brackets_are_explained(
    names: str, message: str, invoke: Invoke, tmp_path: Path
) -> None:
    result = invoke(*PREDICTED, names, "--out", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
