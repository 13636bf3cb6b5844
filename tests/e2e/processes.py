"""Real processes of the command line: started, watched, killed, and their results compared."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tests.cli.commandline import vary

_SIZE = (
    *("run", "--preset", "smoke", "--seeds", "0"),
    *("--n-archs", "12", "--rank-images", "32", "--rank-every", "20", "--probe-every", "10"),
    *("--set", "steps=40", "--set", "checkpoint_every=10", "--set", "rank_every_archs=3"),
    *("--set", "train_loss_archs=3", "--set", "train_loss_images=16", "--set", "threads=1"),
    *("--set", "channels=4"),
)

SETTINGS = (*_SIZE, "--strategies", "spos")
"""A run of about a second once torch is imported."""

NESTED = (*_SIZE, "--estimators", "predictor(n=4,features=graf+spos+jacov)")
"""The same run, and then one that takes its scores and measures a proxy."""

SLOW_RANKING = ("--n-archs", "30", "--rank-images", "800", "--rank-every", "0")
"""On top of it: a ranking that can be met under way."""

LONG = ("--set", "steps=5000")
"""On top of it: training that surely is under way when it is looked at."""

TABLES = ("scores", "steps", "disturbance", "curve", "interim_scores")
TIMEOUT_S = 180.0
HARNESS = (sys.executable, "-m", "harness")


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start a command in a process group of its own."""
    return subprocess.Popen(
        [*HARNESS, *vary(arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        **options,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a command and return its exit code, stdout and stderr."""
    out, err = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, out, err


def run(*arguments: object, **options: Any) -> tuple[int, str, str]:
    """Run a command to its end."""
    return finish(start(*arguments, **options))


def run_here(*arguments: object) -> tuple[int, str, str]:
    """Run a command to its end in this process, which spares it the import of torch."""
    from harness.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    code: Any = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(vary(arguments))
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return code, out.getvalue(), err.getvalue()


def wait_for(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait until something happened; fail if the process ends before."""
    end = time.monotonic() + TIMEOUT_S
    while not happened():
        assert process.poll() is None, f"ended before: {process.communicate()}"
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a command and all that it started, with no chance to save anything."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=TIMEOUT_S)


def kill_at(
    points: Sequence[int], arguments: Sequence[object], out: Path
) -> dict[str, tuple[int, int]]:
    """Kill a command at changes of its files, each time in a folder of its own, and repeat it.

    Returns:
        By point, the exit statuses of the killed command and of its repetition.
    """
    command = [sys.executable, "-m", "tests.e2e.crash_driver", str(out)]
    command += [",".join(map(str, points)), "--", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=20 * TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return {point: (first, second) for point, (first, second) in json.loads(done.stdout).items()}


def is_running(process_id: int) -> bool:
    """Say whether a process is there and no zombie that nobody waited for."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def servers(process: subprocess.Popen[str]) -> list[int]:
    """Return the ids of the processes that workers are forks of, there as long as any worker."""
    return _children(process.pid)


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Return the ids of the processes that compute runs."""
    return [child for server in servers(process) for child in _children(server)]


def _children(parent: int) -> list[int]:
    """Return the ids of the children of a process, without multiprocessing's resource tracker."""
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [
        int(child)
        for child in found
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read every table that a finished run has."""
    assert (folder / "record.json").exists()
    return {
        name: pd.read_parquet(folder / f"{name}.parquet")
        for name in TABLES
        if (folder / f"{name}.parquet").exists()
    }


def check_same_bits(folder: Path, reference: Path) -> None:
    """Check that two runs have the same tables, bit for bit, and left nothing else behind."""
    found, expected = read_tables(folder), read_tables(reference)
    assert found.keys() == expected.keys()
    assert "scores" in found
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table, check_exact=True, obj=name)
    names = {path.name for path in folder.iterdir()} - {"checkpoint.damaged.pt"}
    assert names == {path.name for path in reference.iterdir()}


def check_same_runs(out: Path, whole: Path) -> None:
    """Check that the runs of two folders are the same, bit for bit."""
    expected = {path.name for path in whole.glob("tiles-*")}
    assert {path.name for path in out.glob("tiles-*")} == expected
    for name in expected:
        check_same_bits(out / name, whole / name)


def only_run(out: Path, strategy: str = "spos") -> Path:
    """Return the one run folder of a strategy."""
    (folder,) = out.glob(f"tiles-{strategy}-*")
    return folder
