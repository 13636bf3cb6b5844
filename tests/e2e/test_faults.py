"""Kills at random moments, full and read-only disks, clocks that jump, truth that is replaced."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness.provenance
from harness.errors import HarnessError, StoreError
from harness.files.journal import Journal
from harness.report.page import save_page
from harness.report.plots import save_plots
from harness.runs.record import Record
from harness.scores import load_scores, save_scores
from harness.settings.run import NO_NUMBERS
from harness.truth import find_truth, load_table, save_table
from tests.e2e.processes import (
    SETTINGS,
    check_same_bits,
    finish,
    only_run,
    run_here,
    start,
    wait_for,
    workers,
)
from tests.made_reports import make_file_report
from tests.made_runs import make_run

SEED = 20_260_730


def _drive(out: Path, n: int, *arguments: object) -> dict[str, Any]:
    print(f"moments of seed {SEED}")
    command = [sys.executable, "-m", "tests.e2e.moments_driver", out, SEED, n, "--", *arguments]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=900, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found["ends"]) <= {0, -signal.SIGKILL}
    assert found["ends"].count(-signal.SIGKILL) == n
    return found


@pytest.mark.slow  # in the quick suite: test_crashes.py, killed at changes of its files
def test_killed_at_20_random_moments_of_a_run_nothing_is_lost_nor_half_written(
    tmp_path: Path, reference: Path
) -> None:
    found = _drive(tmp_path, 20, *SETTINGS, "--out", "OUT", "--jobs", 1)
    for number in range(found["n_folders"]):
        check_same_bits(only_run(tmp_path / str(number)), reference)


@pytest.mark.parametrize("n", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_of_writing_a_report_its_files_are_whole_or_not_there(
    tmp_path: Path, reference: Path, n: int
) -> None:
    plots = ("--plots", "OUT/plots") if n > 2 else ()
    found = _drive(tmp_path, n, "report", reference, "--html", "OUT/r.html", *plots)
    names = {path.name for path in (tmp_path / "0").rglob("*") if path.is_file()}
    for number in range(found["n_folders"]):
        there = [path for path in (tmp_path / str(number)).rglob("*") if path.is_file()]
        assert {path.name for path in there if not path.name.startswith(".")} == names


@pytest.mark.slow  # in the quick suite: test_crashes.py, the parent killed
def test_a_killed_worker_is_marked_with_the_reason_and_the_other_runs_go_on(
    tmp_path: Path, reference: Path
) -> None:
    both = ("--strategies", "spos,ogd", "--set", "ogd.c=10", "--set", "ogd.patches=32")
    command = (*SETTINGS, *both, "--out", tmp_path, "--jobs", 2)
    process = start(*command)
    wait_for(lambda: list(tmp_path.glob("*ogd*/checkpoint.pt")), process)
    victim = next(
        child
        for child in workers(process)
        if any("ogd" in str(f.readlink()) for f in Path(f"/proc/{child}/fd").iterdir())
    )
    os.kill(victim, signal.SIGKILL)  # as the kernel does where there is no memory left
    code, _, err = finish(process)
    assert code == 1
    assert "ended by signal 9 (9 is often a lack of memory)" in err
    record = json.loads((only_run(tmp_path, "ogd") / "record.json").read_text())
    assert record["status"] == "interrupted"
    assert "ended by signal 9" in record["reason"]
    check_same_bits(only_run(tmp_path), reference)
    code, _, err = run_here(*command[:-1], 1)
    assert code == 0, err


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(MemoryError(), marks=pytest.mark.slow),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
    ],
)
def test_a_run_without_memory_says_so_and_the_next_one_is_done(
    tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from harness.training.loop import Trainer

    train_step = Trainer.train_step

    def hungry(trainer: Trainer) -> float:
        if trainer.config.strategy == "ogd" and trainer.step == 12:
            raise error
        return train_step(trainer)

    both = ("--strategies", "ogd,spos", "--set", "ogd.c=10", "--set", "ogd.patches=32")
    command = (*SETTINGS, *both, "--out", tmp_path, "--jobs", 1)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", hungry)
        code, _, err = run_here(*command)
    assert code == 1
    assert "ran out of memory" in err
    record = json.loads((only_run(tmp_path, "ogd") / "record.json").read_text())
    assert record["status"] == "interrupted"
    assert "ran out of memory" in record["reason"]
    check_same_bits(only_run(tmp_path), reference)


@pytest.mark.slow  # in the quick suite: test_interruptions.py, one run
def test_two_commands_on_one_folder_share_its_runs_and_break_none(
    tmp_path: Path, reference: Path
) -> None:
    command = (*SETTINGS, "--seeds", "0,1", "--out", tmp_path, "--jobs", 1)
    processes = [start(*command), start(*command)]
    for process in processes:
        code, _, err = finish(process)
        assert code == 0 or "Another process is working on" in err, err
        assert "Traceback" not in err
    code, _, err = run_here(*command)
    assert code == 0, err
    (folder,) = tmp_path.glob("tiles-spos-s0-*")
    check_same_bits(folder, reference)


def _fill(folder: Path) -> Path:
    """Leave nothing of a disk free."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def test_a_journal_on_a_full_disk_keeps_its_rows_and_goes_on_when_there_is_space(
    small_disk: Path,
) -> None:
    journal = Journal(small_disk / "j.jsonl", {"of": "work"})
    journal.append([{"n": 0}])
    filler = _fill(small_disk)
    with pytest.raises(StoreError, match=r"No space left to add .* make room and run the same"):
        journal.append([{"n": n, "text": "x" * 100} for n in range(1, 200)])
    filler.unlink()
    again = Journal(small_disk / "j.jsonl", {"of": "work"})
    assert again.rows[0] == {"n": 0}
    n_kept = len(again.rows)
    again.append([{"n": n_kept}])
    assert Journal(small_disk / "j.jsonl", {"of": "work"}).rows[-1] == {"n": n_kept}


def _write_all(folder: Path) -> dict[str, Callable[[], object]]:
    """What writes files, each with its own."""
    scores = load_scores(make_run(folder.parent / "runs", np.arange(60.0), truth=TILES).path
                         / "scores.parquet")  # fmt: skip
    report = make_file_report(folder.parent, ("mine", "yours"), n=60)
    baseline = ("check", "--save-baseline", folder / "b.json", folder.parent / "scores.csv")

    def by_command(*arguments: object) -> None:
        code, out, err = run_here(*arguments)
        if code:
            assert (code, out) == (1, "")
            raise StoreError(err)

    return {
        "s.parquet": lambda: save_scores(scores, folder / "s.parquet"),
        "t.parquet": lambda: save_table(TILES, folder / "t.parquet"),
        "r.html": lambda: save_page(report, folder / "r.html"),
        "captions.txt": lambda: save_plots(report, folder),
        "b.json": lambda: by_command(*baseline, "--dataset", "tiles"),
        "e.csv": lambda: by_command("truth", "export", "--out", folder / "e.csv"),
    }


TILES = find_truth("tiles")


def test_whatever_is_written_to_a_full_disk_is_told_and_leaves_nothing_half_done(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    folder = small_disk / "out"
    folder.mkdir()
    writers = _write_all(folder)
    filler = _fill(small_disk)
    for name, write in writers.items():
        with pytest.raises(StoreError, match=r"is full|No space left"):
            write()
        assert not [path for path in folder.rglob("*") if path.is_file()], name
    filler.unlink()
    for name, write in writers.items():
        write()
        assert (folder / name).stat().st_size > 0


def test_whatever_is_written_to_a_read_only_folder_is_told(
    tmp_path: Path, make_read_only: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    folder = tmp_path / "ro" / "out"
    folder.mkdir(parents=True)
    writers = _write_all(folder)
    make_read_only(folder)
    for name, write in writers.items():
        with pytest.raises(StoreError, match="could not be written: Read-only file system"):
            write()
        assert not (folder / name).exists()


def test_a_read_only_results_folder_is_told_and_can_still_be_reported(
    tmp_path: Path, reference: Path, make_read_only: Callable[[Path], None]
) -> None:
    make_read_only(reference.parent)
    command = (*SETTINGS, "--jobs", 1, "--out")
    for arguments in ((reference.parent, "--seeds", 7), (reference.parent / "new",)):
        code, out, err = run_here(*command, *arguments)
        assert (code, out) == (1, "")
        assert "cannot be used: Read-only file system. Give an --out folder" in err
        assert "Traceback" not in err
    for command in (("truth", "build", "--n-archs", 1, "--out", reference.parent / "t.parquet"),):
        code, out, err = run_here(*command)
        assert (code, out) == (1, "")
        assert "cannot be used: Read-only file system. Give an --out file" in err
    code, out, err = run_here("report", reference.parent, "--html", tmp_path / "r.html")
    assert (code, out) == (0, ""), err
    assert run_here("report", reference.parent)[0] == 0


class _JumpyClock:
    """The wall clock: it jumps back by up to a day whenever it is looked at."""

    def __init__(self) -> None:
        self.rng = random.Random(SEED)
        self.real = time.time
        self.looked_at = 0

    def __call__(self) -> float:
        self.looked_at += 1
        return self.real() - self.rng.uniform(0.0, 86_400.0) * self.looked_at


def test_a_clock_that_jumps_back_makes_no_negative_times_and_changes_no_number(
    tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = _JumpyClock()

    class Jumping(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return datetime.datetime.fromtimestamp(clock(), tz)

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", clock)
        patch.setattr(time, "time_ns", lambda: int(clock() * 1e9))
        patch.setattr(harness.provenance, "datetime", Jumping)
        patch.setattr("harness.cli.progress.PLAIN_EVERY_S", 0.0)
        code, _, err = run_here(*SETTINGS, "--out", tmp_path, "--jobs", 1)
    assert code == 0, err
    assert clock.looked_at >= 2
    record = json.loads((only_run(tmp_path) / "record.json").read_text())
    assert record["finished"] < record["started"]  # it did jump, and is told as it was
    assert all(seconds >= 0 for seconds in record["timings"].values())
    left = [line.rpartition(", ")[2] for line in err.splitlines() if line.endswith(" s left")]
    assert left
    assert all(0 <= float(text.split()[-3]) < 600 for text in left)
    check_same_bits(only_run(tmp_path), reference)
    assert run_here("report", tmp_path)[0] == 0


def _read_or_refusal(read: Callable[[], Any]) -> tuple[Any, str | None]:
    try:
        return read(), None
    except HarnessError as error:
        return None, str(error)


def _flip(path: Path, position: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)


@pytest.mark.parametrize("n", [60, pytest.param(1_500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["scores.parquet", "t.parquet"])
def test_a_flipped_bit_of_scores_or_truth_is_refused_by_name_or_changes_no_number(
    tmp_path: Path, name: str, n: int
) -> None:
    path = tmp_path / name
    if name == "t.parquet":
        save_table(TILES, path)
        load: Callable[[Path], Any] = lambda path: load_table(path).rows  # noqa: E731
    else:
        scores = np.random.RandomState(0).normal(size=60)
        run_folder = make_run(tmp_path / "runs", scores, truth=TILES)
        path.write_bytes((run_folder.path / name).read_bytes())
        load = load_scores
    whole, expected = path.read_bytes(), load(path)
    rng = random.Random(SEED)
    for _ in range(n):
        path.write_bytes(whole)
        _flip(path, rng.randrange(len(whole)), rng.randrange(8))
        found, refusal = _read_or_refusal(lambda: load(path))
        assert str(path) in refusal if refusal is not None else found.equals(expected)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_a_flipped_bit_of_a_journal_is_refused_by_name_or_changes_no_number(
    tmp_path: Path, step: int
) -> None:
    rows = [{"part": 0, "class_index": n, "loss": 1.0 / (n + 1), "correct": n} for n in range(3)]
    path = tmp_path / "ranking.jsonl"
    Journal(path, {"of": "work"}).append(rows)
    whole = path.read_bytes()
    n_refused = 0
    for position in range(0, len(whole), step):
        for bit in range(8):
            path.write_bytes(whole)
            _flip(path, position, bit)
            found, refusal = _read_or_refusal(lambda: Journal(path, {"of": "work"}).rows)
            if refusal is not None:
                assert str(path) in refusal
                n_refused += 1
                continue
            # such as the end of the last line, which is then as if it had been cut
            assert found == rows[: len(found)]
            assert len(found) >= 2
    assert n_refused > 7 * len(whole) // step


@pytest.mark.parametrize("n", [100, pytest.param(5_000, marks=pytest.mark.slow)])
def test_a_flipped_bit_of_a_records_name_or_deciding_settings_is_refused_by_name(
    tmp_path: Path, n: int
) -> None:
    folder = make_run(tmp_path, np.arange(60.0), truth=TILES)
    path = folder.path / "record.json"
    whole, expected = path.read_bytes(), folder.read_record()
    rng = random.Random(SEED)
    for _ in range(n):
        path.write_bytes(whole)
        _flip(path, rng.randrange(len(whole)), rng.randrange(8))
        found, refusal = _read_or_refusal(folder.read_record)
        if refusal is not None:
            assert str(path) in refusal
            continue
        assert (found.run_id, found.status) == (expected.run_id, expected.status)
        # The name of a run covers what decides its numbers, and no more.
        assert _deciding(found) == _deciding(expected)


def _deciding(record: Record) -> dict[str, object]:
    return {key: value for key, value in record.config.items() if key not in NO_NUMBERS}
