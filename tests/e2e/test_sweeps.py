"""Studies as real processes: stopped, killed, two at once."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.processes import check_same_runs, finish, start, wait_for, workers
from tests.studies import LONG, MIDDLING, write_study

pytestmark = pytest.mark.slow

TWO = '[grid]\nstrategy = ["spos", "ogd"]\n'


def _statuses(out: Path) -> list[str]:
    return sorted(json.loads(path.read_text())["status"] for path in out.rglob("record.json"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    study = write_study(folder, TWO, MIDDLING)
    code, _, err = finish(start("sweep", study, "--out", folder / "out"))
    assert code == 0, err
    return folder / "out"


def test_ctrl_c_saves_and_the_same_command_goes_on(tmp_path: Path, whole: Path) -> None:
    command = ("sweep", write_study(tmp_path, TWO, MIDDLING), "--out", tmp_path / "out")
    process = start(*command, "--jobs", 1)
    wait_for(lambda: list(tmp_path.glob("out/*/checkpoint.pt")), process)
    os.killpg(process.pid, signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130, err
    assert "Saving and stopping" in err
    assert "Traceback" not in err
    assert _statuses(tmp_path / "out") == ["interrupted"]
    code, _, err = finish(start(*command))
    assert code == 0, err
    check_same_runs(tmp_path / "out", whole)


def test_a_worker_killed_as_the_kernel_does_fails_its_run_and_the_study_goes_on(
    tmp_path: Path, whole: Path
) -> None:
    command = ("sweep", write_study(tmp_path, TWO, MIDDLING), "--out", tmp_path / "out")
    process = start(*command, "--jobs", 1)
    wait_for(lambda: list(tmp_path.glob("out/*/checkpoint.pt")), process)
    for worker in workers(process):
        os.kill(worker, signal.SIGKILL)
    code, _, err = finish(process)
    assert code == 1, err
    assert "by signal 9 (9 is often a lack of memory)" in err
    assert _statuses(tmp_path / "out") == ["failed", "finished"]
    (reason,) = (
        record["reason"]
        for record in map(json.loads, (p.read_text() for p in tmp_path.rglob("record.json")))
        if record["status"] == "failed"
    )
    assert "by signal 9" in reason
    code, _, err = finish(start(*command))
    assert (code, "failed before" in err) == (1, True)
    code, _, err = finish(start(*command, "--retry-failed"))
    assert code == 0, err
    check_same_runs(tmp_path / "out", whole)


def test_two_sweeps_on_one_folder_share_the_work(tmp_path: Path, whole: Path) -> None:
    command = ("sweep", write_study(tmp_path, TWO, MIDDLING), "--out", tmp_path / "out")
    processes = [start(*command, "--jobs", 1) for _ in range(2)]
    for process in processes:
        code, _, err = finish(process)
        assert code == 0, err
        assert "2 of 2 done" in err
    logs = [path.read_text() for path in (tmp_path / "out" / "logs").iterdir()]
    assert sum(log.count("ranked: ") for log in logs) == 2  # none was computed twice
    check_same_runs(tmp_path / "out", whole)


def test_a_run_that_another_command_works_on_is_left_to_it_with_a_notice(tmp_path: Path) -> None:
    study = write_study(tmp_path, '[[run]]\nstrategy = "spos"\n', LONG)
    command = ("sweep", study, "--out", tmp_path / "out")
    first = start(*command)
    wait_for(lambda: list(tmp_path.glob("out/*/checkpoint.pt")), first)
    second = start(*command, "--log-json", tmp_path / "log")
    wait_for(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_text(), second)
    second.send_signal(signal.SIGINT)
    code, _, err = finish(second)
    assert code == 130, err
    assert "waiting for another process that works on it" in err
    assert first.poll() is None  # and it was not disturbed
    first.send_signal(signal.SIGINT)
    assert finish(first)[0] == 130
