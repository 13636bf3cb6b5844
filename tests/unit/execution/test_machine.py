"""Threads and runs at a time: chosen by settings and records, never by the machine's load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError
from harness.execution import machine
from harness.execution.experiment import begin_record
from harness.execution.machine import (
    advise_threads,
    choose_threads,
    default_jobs,
    planned_threads,
    resolve_execution,
)
from harness.runs.folder import RunFolder
from harness.runs.record import Record
from tests.tiny import tiny_config


def begun_with(**execution: Any) -> Record:
    return begin_record(tiny_config()).model_copy(update={"execution": execution})


@pytest.fixture(autouse=True)
def _eight_idle_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "count_cores", lambda: 8)
    monkeypatch.setattr(machine, "_load", lambda: 0.0)


@pytest.mark.parametrize("dataset", ["tiles", "cifar10"])
def test_a_run_has_one_thread_unless_it_is_told_otherwise_or_began_with_more(dataset: str) -> None:
    config, told = tiny_config(dataset=dataset), tiny_config(dataset=dataset, threads=3)
    assert choose_threads(config, None) == 1
    assert choose_threads(config, begun_with(threads=2)) == 2
    assert choose_threads(told, None) == choose_threads(told, begun_with(threads=2)) == 3


def test_a_record_without_a_number_of_threads_is_refused_by_the_run_itself(tmp_path: Path) -> None:
    record, folder = begun_with(threads="two"), RunFolder(tmp_path / "run")
    with pytest.raises(StoreError, match="has 'two' threads"):
        choose_threads(tiny_config(), record)
    assert planned_threads(tiny_config(), folder) == 1
    folder.path.mkdir()
    (folder.path / "record.json").write_text("{")
    assert planned_threads(tiny_config(), folder) == 1


def test_the_record_keeps_the_numbers_of_threads_that_were_given_up() -> None:
    first = resolve_execution(tiny_config(), begun_with(), 1)
    assert first["threads"] == 1
    assert "earlier_threads" not in first
    second = resolve_execution(tiny_config(threads=2), begun_with(**first), 1)
    assert (second["threads"], second["earlier_threads"]) == (2, [1])
    kept = resolve_execution(tiny_config(), begun_with(**second), 1)
    assert (kept["threads"], kept["earlier_threads"]) == (2, [1])
    third = resolve_execution(tiny_config(threads=4), begun_with(**kept), 1)
    assert third["earlier_threads"] == [1, 2]


@pytest.mark.parametrize(
    ("threads", "n_runs", "jobs"), [(None, 3, 3), (None, 20, 8), (3, 20, 2), (16, 20, 1)]
)
def test_runs_at_a_time_use_each_core_once(threads: int | None, n_runs: int, jobs: int) -> None:
    assert default_jobs(tiny_config(threads=threads, device="cpu"), n_runs) == jobs


@pytest.mark.parametrize(
    ("dataset", "gain"), [("tiles", "about 1.1 times"), ("cifar10", "about 1.7 times")]
)
def test_idle_cores_are_named_with_what_a_second_thread_gains(dataset: str, gain: str) -> None:
    config = tiny_config(dataset=dataset, device="cpu")
    advice = advise_threads([config] * 3, [1] * 3, 3)
    assert advice is not None
    assert advice.startswith("3 of 8 cores are used, one thread a run. --threads 2 is")
    assert gain in advice
    assert "The last digits of the scores depend on the number of threads" in advice


def test_nothing_is_advised_where_all_cores_are_used_or_threads_were_chosen() -> None:
    config = tiny_config(device="cpu")
    assert advise_threads([config] * 20, [1] * 20, 5) is None
    assert advise_threads([], [], 0) is None
    assert advise_threads([tiny_config(threads=1, device="cpu")], [1], 1) is None
    assert advise_threads([tiny_config(threads=2, device="cpu")], [2], 1) is None


def test_many_threads_on_a_busy_machine_are_warned_of_and_one_never_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "_load", lambda: 7.5)
    advice = advise_threads([tiny_config(threads=2, device="cpu")], [2], 1)
    assert advice is not None
    assert "2 threads a run, 1 at a time, on 8 cores with a load of 7.5" in advice
    assert "--threads 1 is safe" in advice
    assert advise_threads([tiny_config(threads=1, device="cpu")], [1], 1) is None
