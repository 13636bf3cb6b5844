"""What the driver makes of lost workers and of files that cannot be kept, without a cluster."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
import ray
from ray.exceptions import OutOfMemoryError, WorkerCrashedError

from harness.errors import Interrupted, StoreError, WorkerError
from harness.execution.conditions import Conditions
from harness.execution.engines.base import Queue
from harness.execution.engines.ray.driver import RayEngine, _Driver, _Task
from harness.execution.engines.ray.mailbox import Files
from tests.tiny import Recorder, tiny_config


def make_driver(retries: int = 3) -> tuple[_Driver, Recorder, list[_Task]]:
    driver, monitor = _Driver.__new__(_Driver), Recorder()
    submitted: list[_Task] = []
    driver._engine, driver._monitor, driver._stopping = RayEngine(retries=retries), monitor, False
    driver._submit = submitted.append  # type: ignore[method-assign]
    return driver, monitor, submitted


def make_task(attempt: int = 1) -> _Task:
    return _Task(tiny_config(), attempt, ExitStack())


def test_a_worker_killed_for_lack_of_memory_is_a_failed_run_and_not_tried_again() -> None:
    driver, monitor, submitted = make_driver()
    error = driver._lost(make_task(), OutOfMemoryError("the node ran low"))
    assert isinstance(error, WorkerError)
    assert "lack of memory" in str(error)
    assert (submitted, monitor.events) == ([], [])


def test_a_lost_worker_is_replaced_as_often_as_was_allowed() -> None:
    driver, monitor, submitted = make_driver(retries=1)
    assert driver._lost(make_task(), WorkerCrashedError()) is None
    assert [task.attempt for task in submitted] == [2]
    assert [event.kind for event in monitor.events] == ["retried"]
    error = driver._lost(submitted[0], WorkerCrashedError())
    assert "lost its worker 2 times" in str(error)


def test_a_worker_lost_while_stopping_is_no_failure() -> None:
    driver, _, submitted = make_driver()
    driver._stopping = True
    assert isinstance(driver._lost(make_task(), WorkerCrashedError()), Interrupted)
    assert submitted == []


def test_files_that_cannot_be_kept_fail_their_run_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, monitor, _ = make_driver()
    conditions, cancelled = Conditions(tmp_path), []
    configs = [tiny_config(seed=seed) for seed in (0, 1)]
    driver._conditions, driver._queue = conditions, Queue([], conditions, monitor)
    driver._started, driver._broken = set(), {}
    driver._under_way = {c.run_id: _Task(c, 1, ExitStack()) for c in configs}
    monkeypatch.setattr(ray, "cancel", cancelled.append)
    for config, name in zip(configs, ("../record.json", "steps.parquet"), strict=True):
        driver._receive(Files(config.run_id, {name: b""}))
        driver._receive(Files(config.run_id, {"curve.parquet": b""}))
    assert cancelled == [configs[0].run_id]
    assert [path.name for path in tmp_path.iterdir()] == [configs[1].run_id]
    driver._end(configs[0].run_id)
    assert list(driver._under_way) == [configs[1].run_id]
    (failure,) = driver._queue.result()
    assert failure.run_id == configs[0].run_id
    assert isinstance(failure.error, StoreError)
    assert [event.kind for event in monitor.events] == ["failed"]
