"""`harness runs` on made-up runs: listed, shown, compared, exported, removed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from filelock import Timeout

from harness.runs.folder import RunFolder
from harness.truth import find_truth
from tests.cli.commandline import Invoke
from tests.made_runs import N, make_run

SCORES = np.linspace(-3.0, -1.0, N)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Four runs in two folders."""
    out, truth = tmp_path / "results", find_truth("tiles")
    make_run(out / "a", SCORES, "spos", 0, truth=truth)
    make_run(out / "a", SCORES, "ogd", 0, truth=truth, ogd={"c": 3})
    make_run(out / "a", SCORES, "ogd", 1, truth=truth, status="failed")
    make_run(out / "b", SCORES, "spos", 0, truth=truth, lr=0.5, status="running")
    return out


def _names(text: str) -> list[str]:
    return [row["run_id"] for row in json.loads(text)["runs"]]


def _name(out: Path, pattern: str) -> str:
    (path,) = out.glob(pattern)
    return path.name


def test_all_runs_are_listed_at_any_depth(invoke: Invoke, stored: Path) -> None:
    result = invoke("runs", "list", stored)
    assert result.code == 0
    assert "4 runs" in result.out
    for path in stored.glob("*/*"):
        assert path.name in result.out
    assert len(_names(invoke("runs", "list", stored, "--json").out)) == 4


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--strategy", "ogd"), 2),
        (("--strategy", "ogd", "--strategy", "spos"), 4),
        (("--seed", "1"), 1),
        (("--dataset", "cifar10"), 0),
        (("--status", "failed"), 1),
        (("--status", "stopped"), 1),
        (("--status", "running"), 0),
        (("--set", "ogd.c=3"), 1),
        (("--set", "lr=0.5", "--strategy", "spos"), 1),
    ],
)
def test_filters_choose(
    invoke: Invoke, stored: Path, filters: tuple[str, ...], expected: int
) -> None:
    assert len(_names(invoke("runs", "list", stored, *filters, "--json").out)) == expected


def test_a_run_under_way_is_running_and_a_killed_one_stopped(invoke: Invoke, stored: Path) -> None:
    (path,) = (stored / "b").iterdir()
    with RunFolder(path).locked():
        result = invoke("runs", "list", stored, "--status", "running", "--json")
        assert _names(result.out) == [path.name]
    assert _names(invoke("runs", "list", stored, "--status", "running", "--json").out) == []


def test_a_damaged_run_is_listed_as_such(invoke: Invoke, stored: Path) -> None:
    name = _name(stored, "a/*ogd-s1*")
    (stored / "a" / name / "record.json").write_text("{")
    result = invoke("runs", "list", stored, "--status", "damaged", "--json")
    assert _names(result.out) == [name]
    assert invoke("runs", "show", name, "--in", stored).code == 1


def test_wrong_filters_are_explained(invoke: Invoke, stored: Path) -> None:
    result = invoke("runs", "list", stored, "--status", "done")
    assert (result.code, "Unknown status 'done'" in result.err) == (2, True)
    result = invoke("runs", "list", stored, "--set", "ogd.cc=3")
    assert (result.code, "Did you mean 'ogd.c'" in result.err) == (2, True)
    result = invoke("runs", "list", stored / "nothing")
    assert (result.code, "is not a folder" in result.err) == (1, True)


def test_show_tells_all_by_name_by_prefix_and_by_folder(invoke: Invoke, stored: Path) -> None:
    name = _name(stored, "a/*ogd-s0*")
    by_name = invoke("runs", "show", name, "--in", stored)
    assert by_name.code == 0
    for text in ("ogd.c = 3", "train_s = 10", "scores.parquet: ", "finished", str(stored)):
        assert text in by_name.out
    assert invoke("runs", "show", "tiles-ogd-s0", "--in", stored).out == by_name.out
    content = json.loads(invoke("runs", "show", stored / "a" / name, "--json").out)
    assert content["run_id"] == name
    assert content["files"]["scores.parquet"] > 0


def test_a_prefix_that_two_have_is_refused_with_both_named(invoke: Invoke, stored: Path) -> None:
    result = invoke("runs", "show", "tiles-spos", "--in", stored)
    assert result.code == 2
    assert "matches 2 runs" in result.err
    result = invoke("runs", "show", "cifar", "--in", stored)
    assert result.code == 2
    assert "No run in" in result.err


def test_compare_shows_what_differs_and_nothing_else(invoke: Invoke, stored: Path) -> None:
    first, second = stored / "a" / _name(stored, "a/*spos*"), stored / "b" / _name(stored, "b/*")
    result = invoke("runs", "compare", first, second, "--json")
    rows = json.loads(result.out)["differences"]
    settings = {row["key"]: (row["first"], row["second"]) for row in rows}
    assert settings == {"lr": (0.1, 0.5)}
    other = stored / "a" / _name(stored, "a/*ogd-s1*")
    result = invoke("runs", "compare", first, other)
    assert result.code == 0
    for text in ("strategy", "spos", "ogd", "ogd.alpha", "train_s"):
        assert text in result.out
    assert "momentum" not in result.out
    assert f"harness report {first} {other}" in result.err


def test_rm_removes_the_runs_that_were_named_and_nothing_beside(
    invoke: Invoke, stored: Path
) -> None:
    before = set(stored.rglob("*"))
    name = _name(stored, "a/*ogd-s1*")
    gone = {path for path in before if name in path.parts}
    result = invoke("runs", "rm", "tiles-ogd-s1", "--in", stored, "--yes", "--json")
    assert result.code == 0
    assert json.loads(result.out)["removed"] == [str(stored / "a" / name)]
    assert set(stored.rglob("*")) == before - gone


def test_rm_asks_and_takes_no_for_an_answer(
    invoke: Invoke, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.confirm", lambda *args, **options: False)
    before = set(stored.rglob("*"))
    result = invoke("runs", "rm", "tiles-ogd-s1", "--in", stored)
    assert result.code == 2
    assert "Nothing was removed" in result.err
    assert set(stored.rglob("*")) == before


def test_rm_refuses_a_run_under_way_and_then_removes_none(invoke: Invoke, stored: Path) -> None:
    (busy,) = (stored / "b").iterdir()
    with RunFolder(busy).locked():
        result = invoke("runs", "rm", "tiles-ogd-s1", busy, "--in", stored, "--yes")
    assert result.code == 1
    assert "nothing is removed" in result.err
    assert len(_names(invoke("runs", "list", stored, "--json").out)) == 4


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (OSError(30, "Read-only file system"), "[Errno 30] Read-only file system"),
        (Timeout("lock"), "a process began to work on it. Stop it first"),
    ],
)
def test_rm_gives_no_advice_that_is_for_other_commands(
    invoke: Invoke,
    stored: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: OSError,
    reason: str,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise problem

    run = stored / "a" / _name(stored, "a/*ogd-s1*")
    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    result = invoke("runs", "rm", run, "--yes")
    assert (result.code, result.err) == (1, f"Error: {run} could not be removed: {reason}.\n")
    assert "--out" not in result.err


def test_rm_does_not_follow_links_out_of_the_folder(
    invoke: Invoke, stored: Path, tmp_path: Path
) -> None:
    run = stored / "a" / _name(stored, "a/*ogd-s1*")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_text("mine")
    (run / "link").symlink_to(precious)
    assert invoke("runs", "rm", run, "--yes").code == 0
    assert (precious / "data").read_text() == "mine"
    target = stored / "a" / _name(stored, "a/*spos*")
    (stored / "linked").symlink_to(target)
    result = invoke("runs", "rm", stored / "linked", "--yes")
    assert result.code == 1
    assert "is a link" in result.err
    assert (target / "record.json").exists()


def test_export_writes_curves_that_tensorboard_reads_back(
    invoke: Invoke, stored: Path, tmp_path: Path
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    boards = tmp_path / "boards"
    for _ in range(2):  # the second replaces the first
        result = invoke(
            *("runs", "export", stored, "--tensorboard", boards, "--strategy", "spos"),
            *("--status", "finished", "--json"),
        )
        assert result.code == 0
    (place,) = json.loads(result.out)["written"]
    assert len(list(Path(place).iterdir())) == 1
    events = EventAccumulator(place)
    events.Reload()
    losses = [(point.step, point.value) for point in events.Scalars("curve/train_loss")]
    assert losses == [(1, 3.0), (2, 2.0)]
    assert [point.step for point in events.Scalars("disturbance/mean_pd")] == [3, 7, 11]
    assert "disturbance/progress" in events.Tags()["scalars"]


def test_a_folder_that_is_no_run_is_not_removed(invoke: Invoke, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    (foreign / "sub").mkdir(parents=True)
    (foreign / "record.json").write_text('{"mlflow": 1}')
    (foreign / "sub" / "data").write_text("x")
    result = invoke("runs", "rm", foreign, "--yes")
    assert result.code == 1
    assert "may not be the harness's, so it is not removed" in result.err
    assert (foreign / "sub" / "data").read_text() == "x"


def test_a_run_with_somebody_elses_folder_in_it_is_not_removed(
    invoke: Invoke, stored: Path
) -> None:
    (run,) = stored.glob("a/*spos*")
    (run / "notes").mkdir()
    (run / "snapshots").mkdir()
    result = invoke("runs", "rm", run, "--yes")
    assert result.code == 1
    assert "holds folders that are not part of a run: notes." in result.err
    (run / "notes").rmdir()
    assert invoke("runs", "rm", run, "--yes").code == 0
    assert not run.exists()
