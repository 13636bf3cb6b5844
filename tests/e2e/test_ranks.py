"""Real torchruns: whole runs, ranks that are killed, signals, and going on with other numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import EXIT_INTERRUPTED
from tests.cli.commandline import vary
from tests.e2e.processes import (
    LONG,
    SETTINGS,
    TIMEOUT_S,
    check_same_bits,
    finish,
    is_running,
    only_run,
    run,
    start,
    wait_for,
)

pytestmark = pytest.mark.slow

RUN = (*SETTINGS, "--set", "steps=60", "--set", "batch_size=16")
LEADERBOARD = "Leaderboard (12 architectures, tiles test"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def start_ranks(*arguments: object) -> subprocess.Popen[str]:
    """Start two ranks in a process group of their own."""
    return subprocess.Popen(
        [sys.executable, *TORCHRUN, "-m", "harness", *vary(arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def process_of(rank: int, torchrun: subprocess.Popen[str]) -> int:
    """Return the process id of a rank."""
    children = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
    wanted = f"RANK={rank}".encode()
    (found,) = [
        int(child)
        for child in children
        if wanted in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
    ]
    return found


def record_of(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((only_run(out) / "record.json").read_text())
    return record


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a run by two ranks."""
    out = tmp_path_factory.mktemp("undisturbed")
    code, printed, err = finish(start_ranks(*RUN, "--out", out))
    assert code == 0, err
    assert printed.count(LEADERBOARD) == 1  # the first rank alone reports
    assert err.count("train 60/60 steps") == 1
    assert "Warning" not in err.replace("OMP_NUM_THREADS", "")
    return only_run(out)


def test_two_ranks_make_the_run_that_one_process_makes(undisturbed: Path, tmp_path: Path) -> None:
    code, _, err = run(*RUN, "--out", tmp_path, "--jobs", 1)
    assert code == 0, err
    alone = only_run(tmp_path)
    assert alone.name == undisturbed.name
    assert {p.name for p in alone.iterdir()} == {p.name for p in undisturbed.iterdir()}
    both, one = (pd.read_parquet(folder / "steps.parquet") for folder in (undisturbed, alone))
    assert both.path_index.tolist() == one.path_index.tolist()
    # float32 with 4 channels: see tests/unit/distributed/test_ranks.py
    assert both.loss[:20].tolist() == pytest.approx(one.loss[:20].tolist(), rel=0.03)
    executions = [
        json.loads((folder / "record.json").read_text())["execution"]
        for folder in (undisturbed, alone)
    ]
    assert [execution["ranks"] for execution in executions] == [2, 1]


def test_a_finished_run_is_not_trained_again(undisturbed: Path) -> None:
    before = (undisturbed / "record.json").read_bytes()
    code, printed, err = finish(start_ranks(*RUN, "--out", undisturbed.parent))
    assert code == 0, err
    assert printed.count(LEADERBOARD) == 1
    assert (undisturbed / "record.json").read_bytes() == before


@pytest.mark.parametrize(("rank", "status"), [(0, "running"), (1, "interrupted")])
def test_a_killed_rank_ends_the_run_and_two_ranks_go_on_to_the_same_bits(
    undisturbed: Path, tmp_path: Path, rank: int, status: str
) -> None:
    process = start_ranks(*RUN, "--out", tmp_path)
    wait_for(lambda: list(tmp_path.glob("*/checkpoint.prev.pt")), process)
    ranks = [process_of(each, process) for each in (0, 1)]
    os.kill(ranks[rank], signal.SIGKILL)
    code, _, err = finish(process)
    assert code == 1, err
    assert not any(map(is_running, ranks))
    record = record_of(tmp_path)
    assert record["status"] == status
    if rank:
        assert "Another rank exited" in record["reason"]
    code, _, err = finish(start_ranks(*RUN, "--out", tmp_path))
    assert code == 0, err
    check_same_bits(only_run(tmp_path), undisturbed)


def test_a_run_goes_on_from_two_ranks_to_one_and_to_two(tmp_path: Path) -> None:
    both = start_ranks(*RUN, "--out", tmp_path)
    wait_for(lambda: list(tmp_path.glob("*/checkpoint.pt")), both)
    os.kill(process_of(1, both), signal.SIGKILL)
    assert finish(both)[0] == 1
    before = (only_run(tmp_path) / "checkpoint.pt").read_bytes()
    alone = start(*RUN, "--out", tmp_path, "--jobs", 1)
    wait_for(lambda: (only_run(tmp_path) / "checkpoint.pt").read_bytes() != before, alone)
    alone.send_signal(signal.SIGINT)
    code, _, err = finish(alone)
    assert code == EXIT_INTERRUPTED, err
    assert record_of(tmp_path)["execution"]["ranks"] == 1
    code, _, err = finish(start_ranks(*RUN, "--out", tmp_path))
    assert code == 0, err
    record = record_of(tmp_path)
    assert record["status"] == "finished"
    assert record["execution"]["ranks"] == 2
    assert [source.get("ranks") for source in record["sources"]] == [2, None, 2]
    steps = pd.read_parquet(only_run(tmp_path) / "steps.parquet")
    assert steps.step.tolist() == list(range(60))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_ranks_at_one_step_and_saves_it(
    tmp_path: Path, undisturbed: Path, number: signal.Signals
) -> None:
    process = start_ranks(*RUN, "--out", tmp_path)
    wait_for(lambda: list(tmp_path.glob("*/checkpoint.pt")), process)
    process.send_signal(number)  # torchrun passes it on
    code, _, err = finish(process)
    assert code != 0
    record = record_of(tmp_path)
    assert record["status"] == "interrupted"
    assert "Stopped" in record["reason"], err
    code, _, err = finish(start_ranks(*RUN, "--out", tmp_path))
    assert code == 0, err
    check_same_bits(only_run(tmp_path), undisturbed)


def test_a_signal_to_one_rank_stops_all_of_them(tmp_path: Path) -> None:
    process = start_ranks(*RUN, "--out", tmp_path)
    wait_for(lambda: list(tmp_path.glob("*/checkpoint.pt")), process)
    os.kill(process_of(1, process), signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 1, err  # torchrun's own
    assert f"exitcode: {EXIT_INTERRUPTED}" in err.replace(" :", ":").replace("  ", " "), err
    assert record_of(tmp_path)["status"] == "interrupted"
    assert "Stopped" in record_of(tmp_path)["reason"]


def test_ranks_whose_torchrun_was_killed_save_and_stop(tmp_path: Path) -> None:
    process = start_ranks(*RUN, *LONG, "--out", tmp_path)
    wait_for(lambda: list(tmp_path.glob("*/checkpoint.pt")), process)
    ranks = [process_of(each, process) for each in (0, 1)]
    process.kill()
    process.communicate(timeout=TIMEOUT_S)  # the ranks have its pipes: ends when they do
    assert not any(map(is_running, ranks))
    assert "Stopped" in record_of(tmp_path)["reason"]


def test_a_batch_that_cannot_be_cut_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    code, _, err = finish(start_ranks(*RUN, "--out", tmp_path, "--set", "batch_size=15"))
    assert code == 1  # torchrun's own
    assert "batch_size = 15 cannot be divided equally among 2 ranks" in err
    assert "--set batch_size=16" in err
    assert not list(tmp_path.iterdir())
