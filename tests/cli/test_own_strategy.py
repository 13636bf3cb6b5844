"""A strategy of the user's own, given as package.module:Class: good ones, wrong ones, bad ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.commandline import TINY, Invoke
from tests.e2e.processes import run_here

SOURCE = '''
from pydantic import Field
from harness.settings.base import Settings
from harness.spaces.nb201.encoding import parse_arch
from harness.strategies.base import Strategy, WeightedPath
from harness.strategies.spos import SinglePathOneShot


class Pair(Strategy):
    """Two paths a step."""

    def sample_paths(self, step, rng):
        return [WeightedPath(self.context.space.draw(rng), 0.5) for _ in range(2)]


class Explodes(SinglePathOneShot):
    """Its third step's loss is not a number."""

    def sample_paths(self, step, rng):
        weight = float("nan") if step == 2 else 1.0
        return [WeightedPath(self.context.space.draw(rng), weight)]


class PoisonsTheEnd(SinglePathOneShot):
    """The last step makes every weight that it touches not a number."""

    def spares(self, name):
        return False

    def transform_update(self, name, update):
        return update * float("nan") if self.last and not self.spares(name) else update

    def sample_paths(self, step, rng):
        self.last = step == self.context.steps - 1
        return super().sample_paths(step, rng)


class PoisonsACell(PoisonsTheEnd):
    """As it, in the searchable cells only."""

    def spares(self, name):
        return not name.startswith("cells")

    def sample_paths(self, step, rng):
        super().sample_paths(step, rng)
        return [WeightedPath(parse_arch(
            "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_3x3~2|"
        ), 1.0)]


class HalfSettings(Settings):
    """Settings of Half."""

    table = "half"
    weight: float = Field(0.5, gt=0, le=1)


class Half(Strategy):
    """One path a step, of less weight."""

    Settings = HalfSettings

    def sample_paths(self, step, rng):
        return [WeightedPath(self.context.space.draw(rng), self.context.settings.weight)]


class Fragile(SinglePathOneShot):
    """As spos, unless it was broken."""

    broken = False

    def sample_paths(self, step, rng):
        if self.broken and step == 3:
            raise LookupError("no path\\nfor this step")
        return super().sample_paths(step, rng)


class Exits(SinglePathOneShot):
    """Ends the process instead of raising an error."""

    def sample_paths(self, step, rng):
        if step == 3:
            raise SystemExit(0)
        return super().sample_paths(step, rng)


class Unfinished(Strategy):
    """Lacks sample_paths."""


class Other:
    """No strategy at all."""


function = print
'''


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "path" / "mine"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "strategies.py").write_text(SOURCE)
    (package / "imports_nothing.py").write_text("import a_module_that_does_not_exist\n")
    monkeypatch.syspath_prepend(tmp_path / "path")


def test_a_strategy_of_ones_own_is_trained_and_ranked(invoke: Invoke, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = invoke(*TINY, "--strategies", "spos,mine.strategies:Pair", "--out", out)
    assert result.code == 0
    assert "mine.strategies:Pair" in result.text
    pairs = invoke("report", out, "--section", "differences").out
    assert "mine.strategies:Pair minus spos" in pairs
    (folder,) = out.glob("tiles-mine-strategies-Pair-s0-*")
    assert set(pd.read_parquet(folder / "steps.parquet")["n_paths"]) == {2}


def test_a_strategy_of_ones_own_has_settings_of_its_own(invoke: Invoke, tmp_path: Path) -> None:
    command = (*TINY, "--strategies", "mine.strategies:Half", "--json")
    (tmp_path / "half.toml").write_text("[half]\nweight = 0.25\n")
    given = (("--set", "half.weight=0.25"), ("--config", tmp_path / "half.toml"), ())
    names, stored = [], []
    for number, arguments in enumerate(given):
        result = invoke(*command, *arguments, "--out", tmp_path / str(number))
        assert result.code == 0, result.err
        (record,) = json.loads(result.out)["runs"]
        names.append(record["run_id"])
        stored.append(record["config"]["half"])
    assert stored == [{"weight": 0.25}, {"weight": 0.25}, {"weight": 0.5}]
    assert names[0] == names[1] != names[2]
    losses = [
        pd.read_parquet(tmp_path / str(n) / names[n] / "steps.parquet")["loss"][0] for n in (0, 2)
    ]
    assert losses[1] == pytest.approx(2 * losses[0])


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("half.wight=1", "Unknown setting 'half.wight'. Did you mean 'half.weight'?"),
        ("halff.weight=1", "Unknown setting 'halff'. Did you mean 'half'?"),
        ("half.weight=2", "half.weight = 2: Input should be less than or equal to 1"),
    ],
)
def test_wrong_settings_of_ones_own_strategy_are_refused(
    invoke: Invoke, tmp_path: Path, assignment: str, message: str
) -> None:
    arguments = ("--strategies", "mine.strategies:Half", "--set", assignment)
    result = invoke(*TINY, *arguments, "--out", tmp_path / "out")
    assert result.code == 2
    assert message in result.err


def test_a_class_in_the_current_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "here.py").write_text(
        "from harness.strategies.base import Strategy\nclass Mine(Strategy):\n    pass\n"
    )
    command = [sys.executable, "-P", "-m", "harness", "run", "--strategies", "here:Mine"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'Mine' does not define sample_paths" in done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine.strategies:Pairs", "no 'Pairs' in 'mine.strategies'. Subclasses of"),
        ("mine.strategies:Other", "is not a subclass of harness.strategies.base.Strategy"),
        ("mine.strategies:function", "is not a subclass"),
        ("mine.strategies:Unfinished", "'Unfinished' does not define sample_paths"),
        ("harness.strategies.base:Strategy", "does not define sample_paths"),
        ("mine.nothing:Pair", "No module named 'mine.nothing'"),
        ("nobodys.module:Pair", "PYTHONPATH"),
        ("mine.imports_nothing:Pair", "a_module_that_does_not_exist"),
        (":Pair", "is not of the form package.module:Class"),
        ("mine.strategies:", "is not of the form package.module:Class"),
        ("mine..strategies:Pair", "is not of the form package.module:Class"),
        (".strategies:Pair", "is not of the form package.module:Class"),
        ("mine.strategies:Pair:x", "is not of the form package.module:Class"),
        ("mine/strategies.py:Pair", "is not of the form package.module:Class"),
        ("mine.strategies.Pair", "Unknown strategy 'mine.strategies.Pair'"),
    ],
)
def test_a_wrong_one_is_explained_before_anything_is_trained(
    invoke: Invoke, tmp_path: Path, name: str, message: str
) -> None:
    out = tmp_path / "out"
    result = invoke(*TINY, "--strategies", f"spos,{name}", "--out", out)
    assert result.code == 2
    assert message in result.err
    assert not out.exists()


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_loss_that_is_no_number_fails_the_run_for_good(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    out = tmp_path / "out"
    command = (*TINY, "--strategies", "mine.strategies:Explodes,spos", "--out", out, "--jobs", jobs)
    result = invoke(*command)
    assert result.code == 1
    for part in ("nan at step 2", "|nor_conv", "mine.strategies:Explodes", "seed 0", "lr 0.1"):
        assert part in result.err or part == "|nor_conv"
    (folder,) = out.glob("*Explodes*")
    record = json.loads((folder / "record.json").read_text())
    assert record["status"] == "failed"
    assert record["reason"] in result.err
    assert "path |" in record["reason"]
    assert record["config"]["strategy"] == "mine.strategies:Explodes"
    assert not (folder / "scores.parquet").exists()
    assert "spos" in result.out  # the other run went on
    assert f"{folder.name} (failed)" in invoke("report", out).text

    again = invoke(*command)
    assert again.code == 1
    assert record["reason"] in again.err
    assert f"remove {folder}" in again.err
    assert json.loads((folder / "record.json").read_text()) == record


def test_json_of_failed_runs_is_still_json(invoke: Invoke, tmp_path: Path) -> None:
    arguments = ("--strategies", "mine.strategies:Explodes", "--out", tmp_path / "out", "--json")
    result = invoke(*TINY, *arguments)
    assert result.code == 1
    assert json.loads(result.out) == {"runs": []}


def test_scores_that_are_no_numbers_are_null_and_counted(invoke: Invoke, tmp_path: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    out = tmp_path / "out"
    command = (*TINY, "--strategies", "mine.strategies:PoisonsACell", "--out", out, "--json")
    result = invoke(*command, "--n-archs", "40", "--set", "train_loss_archs=40")
    assert result.code == 0
    (record,) = json.loads(result.out, parse_constant=refuse)["runs"]
    n_unscored = record["summary"]["n_unscored"]
    assert 0 < n_unscored < 40
    assert record["summary"]["n"] == 40 - n_unscored
    assert record["summary"]["train_loss"] is None
    json.loads((out / record["run_id"] / "record.json").read_text(), parse_constant=refuse)
    scores = pd.read_parquet(out / record["run_id"] / "scores.parquet")
    assert (scores["status"] == "failed").sum() == n_unscored
    assert scores["score"].isna().equals(scores["status"] == "failed")
    report = invoke("report", out, "--json")
    assert report.code == 0, report.err
    json.loads(report.out, parse_constant=refuse)
    said = f"({40 - n_unscored} scored): of its scores: {n_unscored} failed."
    assert said in invoke("report", out).text


def test_a_supernet_that_can_score_nothing_is_failed(invoke: Invoke, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = invoke(*TINY, "--strategies", "mine.strategies:PoisonsTheEnd", "--out", out)
    assert (result.code, result.out) == (1, "")
    assert "no architecture has a finite loss" in result.err
    (folder,) = out.glob("*PoisonsTheEnd*")
    assert json.loads((folder / "record.json").read_text())["status"] == "failed"
    assert not (folder / "scores.parquet").exists()


def test_a_strategy_that_raises_fails_its_run_alone_and_the_run_resumes_once_it_is_mended(
    tmp_path: Path,
) -> None:
    from mine.strategies import Fragile  # type: ignore[import-not-found]

    command = (*TINY, "--strategies", "mine.strategies:Fragile,spos", "--out", tmp_path / "out")
    Fragile.broken = True
    code, out, err = run_here(*command)
    (folder,) = (tmp_path / "out").glob("tiles-mine-*")
    (other,) = (tmp_path / "out").glob("tiles-spos-*")
    record = json.loads((folder / "record.json").read_text())
    assert (record["status"], record["reason"]) == ("failed", "LookupError: no path")
    assert json.loads((other / "record.json").read_text())["status"] == "finished"
    assert code == 1
    assert "Traceback" in err  # whoever mends the strategy wants it
    assert f"Error: {folder.name}: Run {folder.name} crashed unexpectedly, LookupError: no p" in err
    assert "with --retry-failed to resume from the last checkpoint" in err
    assert "spos" in out

    code, _, err = run_here(*command)
    assert code == 1
    assert "failed before: LookupError: no path" in err
    assert "Traceback" not in err

    Fragile.broken = False
    assert (folder / "checkpoint.pt").exists()
    assert run_here(*command, "--retry-failed")[0] == 0
    assert run_here(*command[:-1], tmp_path / "whole")[0] == 0
    for table in ("scores", "steps"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(folder / f"{table}.parquet"),
            pd.read_parquet(tmp_path / "whole" / folder.name / f"{table}.parquet"),
            check_exact=True,
        )


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_strategy_that_exits_fails_its_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    names = ("--strategies", "mine.strategies:Exits,spos")
    code, out, err = run_here(*TINY, *names, "--out", tmp_path / "out", "--jobs", jobs)
    (folder,) = (tmp_path / "out").glob("tiles-mine-*")
    record = json.loads((folder / "record.json").read_text())
    assert code == 1
    assert record["status"] == "interrupted"
    assert record["reason"].startswith(f"Run {folder.name} called sys.exit(0); its traceback is ab")
    assert f"Error: {folder.name}: {record['reason']}" in err
    assert "spos" in out
