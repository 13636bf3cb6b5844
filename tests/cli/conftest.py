"""What the tests of the command line share."""

from __future__ import annotations

import functools

import pytest

from tests.cli.commandline import Invoke, invoke


@pytest.fixture(name="invoke")
def _invoke(capsys: pytest.CaptureFixture[str]) -> Invoke:
    """The command line in this process, as a function of its arguments."""
    return functools.partial(invoke, capsys)


@pytest.fixture(autouse=True)
def _no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short work tells no progress, however busy the machine is."""
    monkeypatch.setattr("harness.cli.progress.QUIET_S", 3600.0)
