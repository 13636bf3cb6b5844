"""`harness sweep` on a study of two runs that finish and one that cannot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError, MemoryShortageError, WorkerError
from harness.execution.conditions import Conditions
from harness.execution.engines.base import Failure, Queue
from harness.execution.runner import RunsOutcome
from harness.runs.folder import RunFolder
from harness.settings.presets import PRESETS
from tests.cli.commandline import Invoke, Result
from tests.studies import write_study
from tests.tiny import Recorder

GRID = """
[grid]
strategy = ["spos", "ogd"]
[[run]]
lr = 1e30
clip_norm = 0.0
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Result]:
    """The study's file, its folder and what the command left; not to be changed."""
    folder = tmp_path_factory.mktemp("swept")
    study, out = write_study(folder, GRID), folder / "out"
    log = folder / "events.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        result = _invoke(
            *("sweep", study, "--out", out, "--log-json", log, "--jobs", 2, "--json"),
            *("--tensorboard", folder / "boards"),
        )
    return study, out, result


def _invoke(*arguments: object) -> Result:
    from tests.e2e.processes import run_here

    return Result(*run_here(*arguments))


def _records(out: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in out.rglob("record.json")]
    return {record["run_id"]: record for record in found}


def _failed(out: Path) -> str:
    (run_id,) = (name for name, record in _records(out).items() if record["status"] == "failed")
    return run_id


def test_a_run_that_fails_is_reported_and_the_others_go_on(
    swept: tuple[Path, Path, Result],
) -> None:
    _, out, result = swept
    assert result.code == 1
    statuses = sorted(record["status"] for record in _records(out).values())
    assert statuses == ["failed", "finished", "finished"]
    assert f"Error: {_failed(out)}: " in result.err
    assert "mine: 2 of 3 done, 1 failed" in result.err
    assert f"harness report {out}" in result.err


def test_json_lists_all_runs_with_what_became_of_them(swept: tuple[Path, Path, Result]) -> None:
    _, out, result = swept
    rows = {row["run_id"]: row for row in json.loads(result.out)["runs"]}
    assert rows.keys() == _records(out).keys()
    assert rows[_failed(out)]["reason"] is not None


def test_the_folder_has_the_study_and_a_log_a_run(swept: tuple[Path, Path, Result]) -> None:
    study, out, _ = swept
    assert (out / "study.toml").read_text() == study.read_text()
    logs = {path.stem: path.read_text() for path in (out / "logs").iterdir()}
    assert logs.keys() == _records(out).keys()
    failed = logs.pop(_failed(out))
    assert "ended: The loss became" in failed or "ended: After the last step" in failed
    for text in logs.values():
        lines = [line.split(" ", 1)[1] for line in text.splitlines()]
        assert lines[0].startswith("started: tiles-")
        assert "checkpoint: step 4" in lines
        assert "ranked: n_archs 3, n_failed 0" in lines
        assert lines[-1] == "finished"


def test_the_log_for_programs_has_the_documented_fields(swept: tuple[Path, Path, Result]) -> None:
    study, out, _ = swept
    lines = (study.parent / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert all(event.keys() >= {"time", "event", "run_id"} for event in events)
    by_run: dict[str, list[str]] = {}
    for event in events:
        by_run.setdefault(event["run_id"], []).append(event["event"])
    failed = by_run.pop(_failed(out))
    assert (failed[0], failed[-1]) == ("started", "failed")
    for kinds in by_run.values():
        assert (kinds[0], kinds[-2:]) == ("started", ["ranked", "finished"])
        assert {"progress", "checkpoint"} <= set(kinds)
    progress = [event for event in events if event["event"] == "progress"]
    assert all(e.keys() >= {"phase", "done", "total", "loss", "left_s"} for e in progress)
    assert all(e["loss"] > 0 for e in progress if e["phase"] == "train")


def test_the_curves_of_finished_runs_are_there_for_tensorboard(
    swept: tuple[Path, Path, Result],
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    study, out, _ = swept
    boards = {path.name: path for path in (study.parent / "boards").iterdir()}
    assert boards.keys() == _records(out).keys() - {_failed(out)}
    for run_id, board in boards.items():
        events = EventAccumulator(str(board))
        events.Reload()
        steps = RunFolder(out / run_id).read_table("steps")
        assert steps is not None
        for tag, column in (("train/loss", "loss"), ("train/lr", "lr")):
            values = [point.value for point in events.Scalars(tag)]
            assert values == pytest.approx(steps[column].tolist(), rel=1e-6)  # stored as float32


def test_again_nothing_is_computed_and_no_process_started(
    swept: tuple[Path, Path, Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    study, out, _ = swept
    monkeypatch.setattr("harness.execution.engines.processes._spawn", None)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.name != ".lock"}
    result = _invoke("sweep", study, "--out", out)
    assert result.code == 1
    assert "failed before" in result.err
    assert "--retry-failed" in result.err
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_dry_run_lists_the_runs_and_writes_nothing(
    invoke: Invoke, swept: tuple[Path, Path, Result], tmp_path: Path
) -> None:
    study, out, _ = swept
    rows = json.loads(invoke("sweep", study, "--out", out, "--dry-run", "--json").out)["runs"]
    assert sorted(row["status"] for row in rows) == ["failed", "finished", "finished"]
    fresh = invoke("sweep", study, "--out", tmp_path / "fresh", "--dry-run")
    assert fresh.code == 0
    assert fresh.out.count("waiting") == 3
    assert not (tmp_path / "fresh").exists()


def test_failures_are_told_once_by_message_and_never_control_the_terminal(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [Failure(name, WorkerError("lost")) for name in ("first", "second")]
    failures.append(Failure("third", WorkerError("\x1b[31mred")))
    monkeypatch.setattr("harness.execution.runner.run_all", lambda *_: RunsOutcome([], failures))
    result = invoke("sweep", write_study(tmp_path, ""), "--out", tmp_path / "out")
    assert result.code == 1
    told = [line for line in result.err.splitlines() if line.startswith("Error")]
    assert told == ["Error: first, second: lost", "Error: third: ?[31mred"]


def test_a_failed_run_is_tried_again_when_asked(
    invoke: Invoke, swept: tuple[Path, Path, Result], tmp_path: Path
) -> None:
    _, out, _ = swept
    copied = Path(shutil.copytree(out, tmp_path / "copied"))
    config = copied / _failed(out) / "config.toml"
    result = invoke("run", "--config", config, "--out", copied, "--jobs", 1)
    assert "failed before" in result.err
    result = invoke("run", "--config", config, "--out", copied, "--jobs", 1, "--retry-failed")
    assert result.code == 1
    assert "failed before" not in result.err
    assert "loss" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fetch",), "--fetch needs --engine ray"),
        (("--rank-workers", "2"), "--rank-workers needs --engine ray"),
        (("--gpus", "0"), "--gpus needs --engine ray"),
        (("--retries", "0"), "--retries needs --engine ray"),
        (("--address", "1.2.3.4:5"), "--address needs --engine ray"),
        (("--engine", "slurm"), "'slurm' is not one of"),
    ],
)
def test_options_of_another_engine_are_refused(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = invoke("sweep", write_study(tmp_path, ""), "--out", tmp_path / "out", *arguments)
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "out").exists()


def test_without_ray_the_engine_says_how_to_get_it(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = invoke("sweep", write_study(tmp_path, ""), "--engine", "ray")
    assert result.code == 2
    assert "pip install 'nas-ranking-harness[ray]'" in result.err


@pytest.mark.parametrize(
    "rest", ['[grid]\nstrategy = ["ogdd"]', "[base2]", "[grid]\nseed = 3"], ids=lambda x: x[:6]
)
def test_a_wrong_study_is_explained_and_nothing_is_written(
    invoke: Invoke, tmp_path: Path, rest: str
) -> None:
    result = invoke("sweep", write_study(tmp_path, rest), "--out", tmp_path / "out")
    assert result.code == 2
    assert "Error" in result.err
    assert not (tmp_path / "out").exists()


IDLE = """
[grid]
strategy = ["spos", "ogd"]
ogd.alpha = [0.1, 1]
[[run]]
strategy = "spos"
[[run]]
recalibration_images = 100
[[run]]
recalibration_images = 100
"""


def test_a_setting_that_the_estimator_of_a_point_does_not_read_has_no_effect_there(
    invoke: Invoke, tmp_path: Path
) -> None:
    grid = '[grid]\nestimator = ["supernet", "params"]\nlr = [0.1, 0.2]\n'
    command = ("sweep", write_study(tmp_path, grid), "--out", tmp_path / "out", "--dry-run")
    assert invoke(*command).err.splitlines() == [
        "Without effect, in 1 of 4 points: lr = 0.1, since no requested estimator reads it.",
        "Without effect, in 1 of 4 points: lr = 0.2, since no requested estimator reads it.",
        "4 points of the study are 3 runs; these repeat another:",
        "  estimator = 'params', lr = 0.2: the same run as with lr = 0.1",
    ]


def test_points_that_are_one_run_are_counted_and_named_and_so_are_settings_without_effect(
    invoke: Invoke, tmp_path: Path
) -> None:
    command = ("sweep", write_study(tmp_path, IDLE), "--out", tmp_path / "out", "--dry-run")
    result = invoke(*command)
    assert result.code == 0
    assert result.err.splitlines() == [
        "Without effect, in 2 of 7 points: recalibration_images = 100, since bn_mode is 'batch'.",
        "7 points of the study are 4 runs; these repeat another:",
        "  strategy = 'spos', ogd.alpha = 1: the same run as with ogd.alpha = 0.1",
        "  strategy = 'spos': the same run as with ogd.alpha = 0.1",
        "  recalibration_images = 100: repeated",
    ]
    found = json.loads(invoke(*command, "--json").out)
    assert [repeat["point"] for repeat in found["repeated"]] == [
        {"strategy": "spos", "ogd.alpha": 1},
        {"strategy": "spos"},
        {"recalibration_images": 100},
    ]
    runs = {run["run_id"] for run in found["runs"]}
    assert len(runs) == 4
    assert {repeat["run_id"] for repeat in found["repeated"]} <= runs


def test_of_many_repeated_points_the_first_are_named(invoke: Invoke, tmp_path: Path) -> None:
    alphas = [n / 10 for n in range(1, 25)]
    grid = f'[grid]\nstrategy = ["spos"]\nogd.alpha = {alphas}\n[[run]]\nstrategy = "ogd"\n'
    result = invoke("sweep", write_study(tmp_path, grid), "--out", tmp_path / "out", "--dry-run")
    assert "25 points of the study are 2 runs" in result.err
    assert "ogd.alpha = 2.1: the same" in result.err
    assert "ogd.alpha = 2.2: the same" not in result.err
    assert "and 3 more" in result.err


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("ogdd.c = 3", "Unknown setting in"),
        ("ogd.alhpa = 3", "Did you mean 'ogd.alpha'?"),
        ("ogd.alpha = 3", "ogd.alpha = 3 was given, and has no effect: no strategy of spos"),
    ],
)
def test_a_strategys_setting_that_no_run_of_the_study_reads_is_refused(
    invoke: Invoke, tmp_path: Path, rest: str, message: str
) -> None:
    result = invoke("sweep", write_study(tmp_path, rest), "--out", tmp_path / "out")
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "out").exists()


def test_json_on_standard_error_is_all_that_is_there(
    invoke: Invoke, swept: tuple[Path, Path, Result], tmp_path: Path
) -> None:
    _, out, _ = swept
    study = write_study(tmp_path, '[grid]\nstrategy = ["spos", "ogd"]')
    result = invoke("sweep", study, "--out", out, "--log-json", "-")
    *events, last = result.err.splitlines()
    assert result.code == 0
    assert [json.loads(line)["event"] for line in events] == ["finished", "finished"]
    assert last.startswith("Show the results: ")


# What a queue does with runs that others hold or that were killed, without any process.


def _queue(swept: tuple[Path, Path, Result], out: Path) -> tuple[Queue, Recorder, list[str]]:
    from harness.settings.run import RunConfig

    configs = [
        RunConfig(**record["config"])
        for record in _records(swept[1]).values()
        if record["status"] == "finished"
    ]
    monitor = Recorder()
    queue = Queue(configs, Conditions(out, study=True), monitor)
    return queue, monitor, [config.run_id for config in configs]


def test_a_run_that_another_process_holds_waits_and_the_next_one_starts(
    swept: tuple[Path, Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, monitor, (first, second) = _queue(swept, tmp_path)
    monkeypatch.setattr("harness.execution.engines.base.LOCKED_AGAIN_S", 0.0)
    with RunFolder(tmp_path / first).locked():
        config = queue.next()
        assert config is not None
        assert config.run_id == second
        assert queue.next() is None
        assert len(queue) == 1
    assert [(event.run_id, event.kind) for event in monitor.events] == [(first, "waiting")]
    config = queue.next()
    assert config is not None
    assert config.run_id == first


def test_what_another_process_finished_meanwhile_is_not_computed(
    swept: tuple[Path, Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, monitor, (first, _) = _queue(swept, tmp_path)
    monkeypatch.setattr("harness.execution.engines.base.LOCKED_AGAIN_S", 0.0)
    with RunFolder(tmp_path / first).locked():
        assert queue.next() is not None
        shutil.copytree(swept[1] / first, tmp_path / first, dirs_exist_ok=True)
    assert queue.next() is None
    assert len(queue) == 0
    assert monitor.events[-1].kind == "finished"
    assert monitor.events[-1].facts["computed"] is False
    assert queue.result() == []


@pytest.mark.parametrize("kind", [WorkerError, MemoryShortageError])
def test_a_run_whose_process_was_killed_or_lacked_memory_is_marked_as_failed_with_its_reason(
    swept: tuple[Path, Path, Result], tmp_path: Path, kind: type[HarnessError]
) -> None:
    queue, _, (first, _) = _queue(swept, tmp_path)
    config = queue.next()
    assert config is not None
    error = kind("The process ended by signal 9.")
    queue.end(config, error)
    assert queue.failures == [Failure(first, error)]
    record = RunFolder(tmp_path / first).read_record()
    assert (record.status, record.reason) == ("failed", "The process ended by signal 9.")


def test_settings_of_another_estimator_of_the_study_are_read(
    invoke: Invoke, tmp_path: Path
) -> None:
    rest = 'zero_cost.batch_size = 8\n[grid]\nestimator = ["nwot", "supernet"]\n'
    study = write_study(tmp_path, rest)
    result = invoke("sweep", study, "--out", tmp_path / "out", "--dry-run", "--json")
    assert result.code == 0, result.err
    names = [run["run_id"].split("-s0-")[0] for run in json.loads(result.out)["runs"]]
    assert names == ["tiles-nwot", "tiles-spos"]


def test_tables_of_a_preset_that_no_run_reads_are_left_out_as_in_run(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_table = {**PRESETS["tiles"]["smoke"], "zero_cost": {"draws": 4}}
    monkeypatch.setitem(PRESETS["tiles"], "smoke", with_table)
    asked = ("--out", tmp_path / "out", "--dry-run", "--json")
    result = invoke("sweep", write_study(tmp_path, ""), *asked)
    assert result.code == 0, result.err
    assert "zero_cost" not in result.err + result.out
    given = write_study(tmp_path, "zero_cost.draws = 4\n", name="given")
    refused = invoke("sweep", given, *asked)
    assert refused.code == 2
    assert "zero_cost.draws = 4 was given, and has no effect" in refused.err
