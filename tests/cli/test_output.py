"""Standard output that is full or closed: no traceback, and the exit code means what it meant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.errors import EXIT_NO_OUTPUT
from harness.truth import default_query, find_truth
from tests.check_cases import draw_scores

TRUTH = find_truth("tiles").mean(default_query("tiles"))
HARNESS = f"{sys.executable} -m harness"
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command, which fails if any part of a pipe does."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    env.pop("GITHUB_ACTIONS", None)
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        timeout=300,
        env=env,
        check=False,
    )


@pytest.fixture(scope="module", name="checks")
def _checks(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """A check that passes and one that finds a regression, by exit code."""
    folder = tmp_path_factory.mktemp("checks")
    signal = np.argsort(np.argsort(TRUTH.value[:200])) / 60.0
    for name, noise, own in (("main", 0.8, 0), ("worse", 3.0, 1)):
        frames = [
            pd.DataFrame({"nb201_index": TRUTH.keys[:200], "seed": seed, "score": row})
            for seed, row in enumerate(draw_scores(signal, noise=noise, own=own))
        ]
        pd.concat(frames).assign(method="spos").to_csv(folder / f"{name}.csv", index=False)
    baseline, main = folder / "b.json", folder / "main.csv"
    made = shell(f"{HARNESS} check --dataset tiles --save-baseline {baseline} {main}")
    assert made.returncode == 0, made.stderr
    check = f"{HARNESS} check --baseline {baseline}"
    return {0: f"{check} {main}", 1: f"{check} {folder / 'worse.csv'}"}


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_pipe_that_is_closed_early_leaves_a_check_its_own_exit_code(
    checks: dict[int, str], reader: str, code: int
) -> None:
    done = shell(f"{checks[code]} | {reader}")
    assert (done.returncode, done.stderr) == (code, "")


@needs_full
@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("more", ["", " --json"])
def test_a_full_disk_is_told_and_is_no_regression(
    checks: dict[int, str], code: int, more: str
) -> None:
    done = shell(f"export PYTHONUNBUFFERED={more[2:]}; {checks[code]}{more} > /dev/full")
    assert done.returncode == EXIT_NO_OUTPUT
    assert done.stderr.splitlines() == [
        "Error: Standard output could not be written: No space left on device. Give it another "
        "file, or make room."
    ]


@needs_full
def test_messages_that_cannot_be_written_change_no_exit_code(checks: dict[int, str]) -> None:
    done = shell(f"GITHUB_ACTIONS=true {checks[0]} 2> /dev/full")
    assert (done.returncode, "PASS" in done.stdout) == (0, True)
    done = shell(f"{HARNESS} runs list /nowhere > /dev/full 2> /dev/full")
    assert done.returncode == 1


@needs_full
@pytest.mark.parametrize("command", ["truth list", "truth show 10 --json", "--help"])
def test_no_command_prints_a_traceback_on_a_full_disk(command: str) -> None:
    done = shell(f"{HARNESS} {command} > /dev/full")
    assert done.returncode == EXIT_NO_OUTPUT
    assert len(done.stderr.splitlines()) == 1
