"""Ctrl-C, two processes on one folder, damaged checkpoints, full disks, closed pipes."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.monitor import SilentMonitor
from harness.runs.folder import RunFolder
from tests.e2e.processes import (
    HARNESS,
    LONG,
    SETTINGS,
    SLOW_RANKING,
    check_same_bits,
    finish,
    is_running,
    kill_group,
    only_run,
    run,
    run_here,
    servers,
    start,
    wait_for,
)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, reference: Path) -> Path:
    """A folder with a run of `SETTINGS` stopped with two checkpoints; not to be changed."""
    out = tmp_path_factory.mktemp("stopped")
    process = start(*SETTINGS, "--out", out, "--jobs", 1)
    wait_for(lambda: list(out.glob("*/checkpoint.prev.pt")), process)
    process.send_signal(signal.SIGINT)  # a kill could come between the two renames
    code, _, err = finish(process)
    assert code == 130, err
    return out


@pytest.fixture
def under_way(stopped: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(stopped, tmp_path / "under_way"))


def _go_on(out: Path) -> str:
    code, _, err = run_here(*SETTINGS, "--out", out, "--jobs", 1)
    assert code == 0, err
    return err


def _status(out: Path) -> str:
    return str(json.loads((only_run(out) / "record.json").read_text())["status"])


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ctrl_c_while_training_leaves_a_run_that_goes_on(
    tmp_path: Path, reference: Path, jobs: int
) -> None:
    command = (*SETTINGS, "--out", tmp_path, "--jobs", jobs)
    process = start(*command)
    wait_for(lambda: list(tmp_path.glob("*/checkpoint.pt")), process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    code, out, err = finish(process)
    assert (code, out) == (130, ""), err
    assert "Saving and stopping; run the same command to resume" in err
    assert "Traceback" not in err
    assert "Error" not in err
    assert _status(tmp_path) == "interrupted"
    _go_on(tmp_path)
    check_same_bits(only_run(tmp_path), reference)


def test_ctrl_c_while_ranking_leaves_a_run_that_goes_on(
    tmp_path: Path, slow_ranking_reference: Path
) -> None:
    command = (*SETTINGS, *SLOW_RANKING, "--out", tmp_path, "--jobs", 1)
    process = start(*command)
    wait_for(lambda: list(tmp_path.glob("*/ranking.jsonl")), process)
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130, err
    assert _status(tmp_path) == "interrupted"
    assert "evaluations" in json.loads((only_run(tmp_path) / "record.json").read_text())["reason"]
    code, _, err = run_here(*command)
    assert code == 0, err
    check_same_bits(only_run(tmp_path), slow_ranking_reference)


def test_ctrl_c_before_the_workers_have_begun_is_no_failure(tmp_path: Path) -> None:
    process = start(*SETTINGS, "--strategies", "spos,ogd", "--out", tmp_path, "--jobs", 2)
    wait_for(lambda: servers(process), process)
    os.killpg(process.pid, signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out) == (130, ""), err
    assert "Traceback" not in err
    assert "Error" not in err


SLEEPER = '''
import time
from harness.strategies.spos import SinglePathOneShot

class Sleeper(SinglePathOneShot):
    """A step that takes for ever, such as one on a machine that swaps."""

    def sample_paths(self, step, rng):
        if step == 3:
            open(FILE, "w").close()
            time.sleep(600)
        return super().sample_paths(step, rng)
'''


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_second_ctrl_c_stops_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    asleep = tmp_path / "asleep"
    (tmp_path / "sleepy.py").write_text(SLEEPER.replace("FILE", repr(str(asleep))))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    arguments = ("--strategies", "sleepy:Sleeper", "--out", tmp_path / "out", "--jobs", jobs)
    process = start(*SETTINGS, *arguments)
    wait_for(asleep.exists, process)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(1.0)
    assert process.poll() is None  # the first one waits for the step
    started = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130, err
    assert time.monotonic() - started < 60.0
    assert "Traceback" not in err


def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    command = (*SETTINGS, *LONG, "--out", tmp_path, "--jobs", 1)
    process = start(*command)
    wait_for(lambda: list(tmp_path.glob("*/checkpoint.pt")), process)
    code, out, err = run_here(*command)
    assert (code, out) == (1, "")
    assert f"Another process is working on {only_run(tmp_path)}" in err
    assert "Traceback" not in err
    assert process.poll() is None  # and the first is not disturbed
    kill_group(process)
    assert not is_running(process.pid)
    with RunFolder(only_run(tmp_path)).locked():
        pass


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (_flip, ["checkpoint.pt"]),
        (_halve, ["checkpoint.pt", "checkpoint.prev.pt"]),
        pytest.param(_empty, ["checkpoint.pt"], marks=pytest.mark.slow),
        pytest.param(_halve, ["checkpoint.pt"], marks=pytest.mark.slow),
        pytest.param(_flip, ["checkpoint.prev.pt"], marks=pytest.mark.slow),
    ],
)
def test_a_damaged_checkpoint_is_told_and_the_run_ends_with_the_same_bits(
    under_way: Path, reference: Path, damage: Callable[[Path], None], names: list[str]
) -> None:
    folder = only_run(under_way)
    for name in names:
        damage(folder / name)
    err = _go_on(under_way)
    for name in names:
        used = name == "checkpoint.pt" or "checkpoint.pt" in names
        assert (f"{folder / name} is damaged" in err) == used
    check_same_bits(folder, reference)


def test_a_checkpoint_of_a_newer_version_is_refused(under_way: Path) -> None:
    from harness.training.checkpoint import load_checkpoint, save_checkpoint

    folder = only_run(under_way)
    path = folder / "checkpoint.pt"
    state = load_checkpoint(folder, SilentMonitor())
    assert state is not None
    save_checkpoint(folder, {**state, "schema": 2})
    code, _, err = run_here(*SETTINGS, "--out", under_way, "--jobs", 1)
    assert code == 1, err
    assert f"{path} has schema 2, this version reads up to 1" in err


@pytest.mark.slow
def test_a_file_size_limit_while_saving_loses_nothing(under_way: Path, reference: Path) -> None:
    folder = only_run(under_way)
    before = (folder / "checkpoint.pt").read_bytes()
    limit = len(before) // 2

    def limit_files() -> None:  # Python ignores SIGXFSZ, so that a write fails with EFBIG
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    code, out, err = run(*SETTINGS, "--out", under_way, "--jobs", 1, preexec_fn=limit_files)
    assert (code, out) == (1, "")
    assert "'checkpoint.new.pt' could not be written" in err or "File too large" in err
    assert "Traceback" not in err
    assert (folder / "checkpoint.pt").read_bytes() == before
    assert not list(folder.glob(".*.tmp"))
    _go_on(under_way)
    check_same_bits(folder, reference)


def test_a_full_disk_while_saving_loses_nothing(
    stopped: Path, small_disk: Path, reference: Path
) -> None:
    out = Path(shutil.copytree(stopped, small_disk / "out"))
    folder = only_run(out)
    before = (folder / "checkpoint.pt").read_bytes()
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with filler.open("r+b") as file:  # leave room for the record and half a checkpoint
        file.truncate(filler.stat().st_size - len(before) // 2)
    code, printed, err = run_here(*SETTINGS, "--out", out, "--jobs", 1)
    assert (code, printed) == (1, "")
    assert f"The disk of '{folder}' is full: 'checkpoint.new.pt' could not be written" in err
    assert "run the command again" in err
    assert "Traceback" not in err
    assert (folder / "checkpoint.pt").read_bytes() == before
    assert not list(folder.glob(".*.tmp"))
    assert _status(out) == "interrupted"
    filler.unlink()
    _go_on(out)
    check_same_bits(folder, reference)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        pytest.param(("--format=csv",), marks=pytest.mark.slow),
        pytest.param(("--json",), marks=pytest.mark.slow),
    ],
)
def test_a_reader_that_has_seen_enough_gives_no_traceback(
    reference: Path, arguments: tuple[str, ...]
) -> None:
    process = subprocess.Popen(
        [*HARNESS, "report", str(reference), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before it has printed anything
    told = process.stderr.read().splitlines()
    assert [line for line in told if not line.startswith(b"evaluating")] == []  # where that is slow
    process.stderr.close()
    assert process.wait() in (0, 1)


@pytest.mark.slow  # in the quick suite: test_crashes.py, the parent killed
def test_one_job_and_two_give_the_same_bits(tmp_path: Path, reference: Path) -> None:
    code, _, err = run(*SETTINGS, "--seeds", "0,1", "--out", tmp_path, "--jobs", 2)
    assert code == 0, err
    (folder,) = tmp_path.glob("tiles-spos-s0-*")
    check_same_bits(folder, reference)


def test_the_same_command_again_computes_nothing(reference: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in reference.iterdir() if path.suffix}
    code, out, err = run_here(*SETTINGS, "--out", reference.parent, "--jobs", 1)
    assert code == 0
    assert "spos was trained by preset 'smoke', for" in " ".join(out.split())
    assert "train" not in err.replace(str(reference.parent), "")
    after = {path: path.stat().st_mtime_ns for path in reference.iterdir() if path.suffix}
    assert after == before


def test_the_report_of_a_real_run_works_where_torch_is_not_installed(reference: Path) -> None:
    code = (
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'torch': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
        "from harness.cli.main import main\n"
        f"main(['report', {str(reference)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "spos" in done.stdout
