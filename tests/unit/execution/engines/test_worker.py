"""A run that is slowed down says so, and says what to do."""

from __future__ import annotations

import pytest
import torch

from harness.execution.engines import worker
from harness.execution.engines.worker import SlowdownWatch
from harness.monitor import Progress
from tests.tiny import Recorder, tiny_config


class Clock:
    """Time that passes as it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = self.cpu = 0.0
        monkeypatch.setattr(worker.time, "perf_counter", lambda: self.wall)
        monkeypatch.setattr(worker.time, "process_time", lambda: self.cpu)

    def work(self, watch: SlowdownWatch, phase: str, n: int, wall: float, cpu: float) -> None:
        watch.progress(Progress("run", phase, 0, n))
        for done in range(1, n + 1):
            self.wall += wall
            self.cpu += cpu
            watch.progress(Progress("run", phase, done, n))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    return Clock(monkeypatch)


@pytest.mark.parametrize(("phase", "units"), [("train", "training st"), ("rank", "evaluations")])
def test_a_run_that_waits_for_a_core_says_so_once(clock: Clock, phase: str, units: str) -> None:
    told = Recorder()
    watch = SlowdownWatch(tiny_config(device="cpu"), told, None, 1)
    clock.work(watch, phase, 100, wall=1.0, cpu=0.9)
    assert told.notices == []
    clock.work(watch, phase, 100, wall=4.0, cpu=1.0)
    (notice,) = told.notices
    assert notice.startswith(f"run: {units}")
    assert "take 4.0 times as long as on an idle core" in notice
    assert "the results are the same" in notice


def test_work_that_becomes_heavier_by_itself_is_no_slowdown(clock: Clock) -> None:
    told = Recorder()
    watch = SlowdownWatch(tiny_config(device="cpu"), told, None, 1)
    clock.work(watch, "train", 100, wall=1.0, cpu=1.0)
    clock.work(watch, "train", 100, wall=9.0, cpu=9.0)
    assert told.notices == []


def test_several_threads_that_wait_for_each_other_are_advised_to_be_one(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    told = Recorder()
    watch = SlowdownWatch(tiny_config(device="cpu"), told, None, 1)
    clock.work(watch, "train", 100, wall=1.0, cpu=0.1)  # no measure: they may spin, or sleep
    assert told.notices == []
    clock.work(watch, "train", 100, wall=40.0, cpu=80.0)
    (notice,) = told.notices
    assert "training steps take 40.0 times as long as they did before" in notice
    assert "2 threads then wait for each other" in notice
    assert "resume with --threads 1" in notice


@pytest.mark.parametrize(("here", "n_ranks"), [("train", 1), (None, 2)])
def test_work_that_others_do_is_not_measured_by_this_process(
    clock: Clock, here: str | None, n_ranks: int
) -> None:
    told = Recorder()
    watch = SlowdownWatch(tiny_config(device="cpu"), told, here, n_ranks)
    clock.work(watch, "rank", 100, wall=1.0, cpu=0.0)
    assert told.notices == []
