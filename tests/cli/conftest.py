"""What the tests of the command line share."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator

import pytest

from tests.cli.commandline import Invoke, invoke


@pytest.fixture(name="invoke")
def _invoke(capsys: pytest.CaptureFixture[str]) -> Invoke:
    """The command line in this process, as a function of its arguments."""
    return functools.partial(invoke, capsys)


@pytest.fixture(autouse=True)
def _forgotten_modules() -> Iterator[None]:
    """Forget classes of a user's own, which other tests write anew under the same name."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in {"mine", "widths"}]:
        del sys.modules[name]


@pytest.fixture(autouse=True)
def _no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short work tells no progress, however busy the machine is."""
    monkeypatch.setattr("harness.cli.progress.QUIET_S", 3600.0)
