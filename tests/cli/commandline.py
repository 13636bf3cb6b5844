"""How the tests of the command line call it, in this process, and what they call it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from harness.cli.main import main

TINY = (
    *("run", "--preset", "smoke", "--seeds", "0", "--jobs", "1", "--n-archs", "3"),
    *("--rank-images", "16", "--rank-every", "0", "--probe-every", "2"),
    *("--set", "steps=4", "--set", "checkpoint_every=2", "--set", "batch_size=4"),
    *("--set", "train_loss_archs=1", "--set", "train_loss_images=8", "--set", "threads=1"),
    *("--set", "channels=2", "--set", "probe_images=4"),
)
"""A run of a fraction of a second."""


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """What was printed, as if no line had been wrapped."""
        return " ".join(self.out.split())


Invoke = Callable[..., Result]


def vary(arguments: Sequence[object]) -> list[str]:
    """Keep the last value of each option of `run`, so that tests can vary `TINY`.

    The command itself refuses an option of one value that is given twice.
    """
    words = [str(argument) for argument in arguments]
    if words[:1] != ["run"]:
        return words
    options: list[list[str]] = []
    for word in words[1:]:
        if word.startswith("--"):
            options.append([word])
        else:
            options[-1].append(word)
    last = {}
    for option in options:
        key = option[1].partition("=")[0] if option[0] == "--set" else ""
        last[option[0], key] = option
    return ["run", *(word for option in last.values() for word in option)]


def invoke(capsys: pytest.CaptureFixture[str], *arguments: object) -> Result:
    """Run a command as the installed script does; a traceback fails the test by itself."""
    with pytest.raises(SystemExit) as caught:
        main(vary(arguments))
    captured = capsys.readouterr()
    code = caught.value.code
    assert isinstance(code, int)
    assert "Traceback" not in captured.err
    return Result(code, captured.out, captured.err)
