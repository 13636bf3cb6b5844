"""A Ray that does not start, without one."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import ray

from harness.errors import UsageError
from harness.execution.conditions import Conditions
from harness.execution.engines.ray.connecting import connected
from harness.execution.engines.ray.driver import RayEngine, _Driver, _Task
from tests.tiny import tiny_config


@pytest.mark.parametrize("reason", ["The current node timed out during startup.\nMore.", ""])
@pytest.mark.parametrize(
    ("address", "message"),
    [("local", "Ray did not start on this machine: "), ("auto", "No Ray cluster at auto: ")],
)
def test_a_ray_that_does_not_start_is_told_and_put_away(
    monkeypatch: pytest.MonkeyPatch, reason: str, address: str, message: str
) -> None:
    cause, ended = Exception(reason), []

    def fail(**_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise cause

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fail)
    monkeypatch.setattr(ray, "shutdown", lambda: ended.append(True))
    with pytest.raises(UsageError) as caught, connected(address):
        raise AssertionError("there is no cluster to work on")
    told = reason.splitlines()[0] if reason else "Exception"
    assert str(caught.value).startswith(f"{message}{told} ")
    assert caught.value.__cause__ is cause
    assert ended == [True]
    assert signal.getsignal(signal.SIGTERM) is before


def test_each_run_asks_for_its_threads_and_gpus(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[dict[str, Any]] = []

    class Remote:
        def options(self, **options: Any) -> Remote:
            asked.append(options)
            return self

        def remote(self, *_: Any) -> object:
            return object()

    monkeypatch.setattr(ray, "remote", lambda _: Remote())
    engine = RayEngine(gpus=0.25)
    driver = _Driver.__new__(_Driver)  # without the actor that a cluster would run
    driver.__dict__.update(
        _engine=engine, _conditions=Conditions(tmp_path), _mailbox=None, _under_way={}
    )
    driver._submit(_Task(tiny_config(threads=3, device="cuda"), 1, ExitStack()))
    (options,) = asked
    assert (options["num_cpus"], options["num_gpus"]) == (3, 0.25)
    assert len(driver._under_way) == 1
