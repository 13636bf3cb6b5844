"""What the driver makes of a lost worker, without a cluster."""

from __future__ import annotations

from contextlib import ExitStack

from ray.exceptions import OutOfMemoryError, WorkerCrashedError

from harness.engines.ray.driver import RayEngine, _Driver, _Task
from harness.errors import Interrupted, WorkerError
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
