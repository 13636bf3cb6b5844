"""Searches that are killed at any moment and resumed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.e2e.processes import finish, run, start

COMMAND = ("search", "--algorithm", "tpe,evolution", "--population", "4", "--seeds", "0,1")
LENGTH = ("--budget", "25", "--batch", "3")


def read(out: Path) -> pd.DataFrame:
    (file,) = out.glob("*/evaluations.csv")
    return pd.read_csv(file)


@pytest.mark.slow
def test_a_search_that_was_killed_and_resumed_is_the_uninterrupted_one(tmp_path: Path) -> None:
    code, out, err = run(*COMMAND, *LENGTH, "--out", tmp_path / "whole")
    assert code == 0, err
    n_killed = 0
    for pause_s in (0.0, 0.7, 1.9, 3.1):
        process = start(*COMMAND, *LENGTH, "--out", tmp_path / "killed")
        deadline = time.monotonic() + 120.0
        while not list((tmp_path / "killed").glob("*/study.db")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(pause_s)
        os.killpg(process.pid, signal.SIGKILL)
        n_killed += finish(process)[0] == -signal.SIGKILL
    assert n_killed >= 3, "most were under way"
    code, resumed, err = run(*COMMAND, *LENGTH, "--out", tmp_path / "killed")
    assert code == 0, err
    whole, killed = read(tmp_path / "whole"), read(tmp_path / "killed")
    assert len(whole) == 3 * 2 * 27, "budgets are rounded up to whole batches"
    pd.testing.assert_frame_equal(killed, whole)
    assert resumed.splitlines()[:-1] == out.splitlines()[:-1], "all but the folder"
