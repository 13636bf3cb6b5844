"""kill -9 at any moment, then the same command: the bits are those of an uninterrupted run."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.e2e.processes import (
    NESTED,
    SETTINGS,
    SLOW_RANKING,
    TIMEOUT_S,
    check_same_bits,
    check_same_runs,
    finish,
    is_running,
    kill_at,
    kill_group,
    only_run,
    run,
    run_here,
    servers,
    start,
    wait_for,
    workers,
)

ENOUGH = 100_000
"""More changes of the file system than any run makes."""


IN_PREDICTOR = (126, 155, 190)
"""Changes of files before the proxy is measured, within that, and while scores are written."""


@pytest.mark.parametrize(
    ("settings", "points"),
    [
        pytest.param(SETTINGS, [22, 29, 60, 89], id="some"),
        pytest.param(SETTINGS, [*range(1, 130), ENOUGH], id="all", marks=pytest.mark.slow),
        pytest.param(NESTED, [*IN_PREDICTOR], id="nested"),
        pytest.param(
            NESTED, [*range(110, 210, 3), ENOUGH], id="nested-all", marks=pytest.mark.slow
        ),
    ],
)
def test_killed_at_a_change_of_its_files_a_run_ends_with_the_same_bits(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    settings: tuple[str, ...],
    points: list[int],
) -> None:
    whole: Path = (
        request.getfixturevalue("nested_reference")
        if settings is NESTED
        else request.getfixturevalue("reference").parent
    )
    found = kill_at(points, settings, tmp_path)
    assert found.get(str(ENOUGH), (0, 0)) == (0, 0)
    n_killed = 0
    for point, (first, second) in found.items():
        assert first in (-signal.SIGKILL, 0), point
        assert second == 0, point
        n_killed += first != 0
        check_same_runs(tmp_path / point, whole)
    assert n_killed >= min(80, len(points) - 1)


def test_killed_while_ranking_what_was_scored_is_kept(
    tmp_path: Path, slow_ranking_reference: Path
) -> None:
    command = (*SETTINGS, *SLOW_RANKING, "--out", tmp_path, "--jobs", 1)
    process = start(*command)

    def rows() -> int:
        return sum(path.read_bytes().count(b"\n") - 1 for path in tmp_path.glob("*/ranking.jsonl"))

    wait_for(lambda: rows() >= 2, process)
    kill_group(process)
    kept = rows()
    assert kept >= 2
    (journal,) = tmp_path.glob("*/ranking.jsonl")
    before = journal.read_bytes()
    with journal.open("ab") as file:  # as a kill within a write leaves it
        file.write(before[: len(before) // 3].splitlines()[0][:20])
    code, _, err = run_here(*command)
    assert code == 0, err
    assert "Note" not in err
    check_same_bits(only_run(tmp_path), slow_ranking_reference)


@pytest.mark.slow
def test_killed_while_ranking_until_tau_is_known_it_ends_with_the_same_scores_and_rounds(
    tmp_path: Path,
) -> None:
    options = ("--until-tau-se", "1", "--set", "rank_batch=32", "--rank-images", "320")
    command = (*SETTINGS, *SLOW_RANKING, *options, "--jobs", 1, "--out")
    process = start(*command, tmp_path / "killed")
    journals = (tmp_path / "killed").glob
    wait_for(
        lambda: any(b"round" in path.read_bytes() for path in journals("*/ranking.jsonl")), process
    )
    kill_group(process)
    for out in ("killed", "whole"):
        code, _, err = run_here(*command, tmp_path / out)
        assert code == 0, err
    killed, whole = (only_run(tmp_path / out) for out in ("killed", "whole"))
    assert (killed / "scores.parquet").read_bytes() == (whole / "scores.parquet").read_bytes()
    rounds = [pd.read_parquet(run / "ranking_rounds.parquet") for run in (killed, whole)]
    assert 7 <= len(rounds[0]) < 10
    assert rounds[0].drop(columns="seconds").equals(rounds[1].drop(columns="seconds"))


@pytest.mark.parametrize(
    "whom",
    ["parent", "server", pytest.param("worker", marks=pytest.mark.slow)],
)
def test_killing_one_of_two_processes_leaves_runs_that_go_on(
    tmp_path: Path, reference: Path, whom: str
) -> None:
    both = ("--strategies", "spos,ogd", "--set", "ogd.c=10", "--set", "ogd.patches=32")
    command = (*SETTINGS, *both, "--out", tmp_path, "--jobs", 2)
    process = start(*command)
    wait_for(lambda: list(tmp_path.glob("*spos*/checkpoint.pt")), process)
    started = [*servers(process), *workers(process)]
    assert len(started) == 3
    if whom == "parent":
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=TIMEOUT_S)  # until every holder of its stderr is gone
        assert not any(map(is_running, started))
    elif whom == "server":
        os.kill(started[0], signal.SIGKILL)
        code, _, err = finish(process)
        assert code == 0, err  # the runs go on
        assert not any(map(is_running, started))
    else:
        for worker in started[1:]:
            os.kill(worker, signal.SIGKILL)
        code, _, err = finish(process)
        assert code == 1
        assert "ended by signal 9 (9 is often a lack of memory)" in err
        assert "Run the same command to resume" in err
        assert "Traceback" not in err
    code, out, err = run(*command)
    assert code == 0, err
    assert "Leaderboard (12 architectures" in out
    check_same_bits(only_run(tmp_path), reference)


@pytest.mark.slow
def test_killed_at_random_moments_again_and_again(tmp_path: Path, reference: Path) -> None:
    rng = random.Random(0)
    command = (*SETTINGS, "--out", tmp_path)
    for round_number in range(30):
        process = start(*command, "--jobs", 1 + round_number % 2)
        time.sleep(rng.uniform(1.0, 8.0))
        if process.poll() is None:
            kill_group(process)
        else:
            process.communicate()
        if any(tmp_path.glob("*/scores.parquet")) and rng.random() < 0.7:
            check_same_bits(_end(command), reference)
            for path in tmp_path.glob("*/*"):
                path.unlink()
    check_same_bits(_end(command), reference)


def _end(command: tuple[object, ...]) -> Path:
    code, _, err = run_here(*command, "--jobs", 1)
    assert code == 0, err
    return only_run(Path(str(command[-1])))
