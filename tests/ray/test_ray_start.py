"""A Ray that does not start, without one."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import ray

from harness.errors import UsageError
from harness.execution.engines.ray.driver import _connected


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
    with pytest.raises(UsageError) as caught, _connected(address):
        raise AssertionError("there is no cluster to work on")
    told = reason.splitlines()[0] if reason else "Exception"
    assert str(caught.value).startswith(f"{message}{told} ")
    assert caught.value.__cause__ is cause
    assert ended == [True]
    assert signal.getsignal(signal.SIGTERM) is before
