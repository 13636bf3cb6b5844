"""Kill a command at its Nth change of the file system, then give it again; for many N.

Usage: python -m tests.e2e.crash_driver OUT N[,N...] -- ARGUMENTS

Every change that the harness makes to its files goes through a few calls. Each call is counted
and the process kills itself at the Nth, before the call is made; a write is cut in half. torch is
imported once: every attempt is a fork. Prints a JSON object: for each N the exit statuses of the
killed and of the second attempt (-9: killed; a first attempt of 0 came to its end before N).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sklearn.datasets  # noqa: F401 - as torch, imported once for all forks

import harness.execution.runner  # noqa: F401 - imports torch
from harness.cli.main import main


class Bomb:
    """Counts calls down, and goes off."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self) -> bool:
        """Say whether this is the call."""
        self.left -= 1
        return self.left == 0

    def arm(self) -> None:
        """Put itself before every call that changes files."""
        for owner, name in (
            *((Path, name) for name in ("replace", "touch", "unlink", "mkdir")),
            *((os, name) for name in ("fsync", "truncate")),
        ):
            setattr(owner, name, self._before(getattr(owner, name)))
        Path.write_bytes = self._half(Path.write_bytes)  # type: ignore[assignment,method-assign]
        Path.write_text = self._half(Path.write_text)  # type: ignore[assignment,method-assign]

    def _before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            if self():
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return counted

    def _half(self, write: Callable[..., int]) -> Callable[..., int]:
        def counted(path: Path, content: Any, **options: Any) -> int:
            if self():
                write(path, content[: len(content) // 2], **options)
                os.kill(os.getpid(), signal.SIGKILL)
            return write(path, content, **options)

        return counted


def attempt(arguments: list[str], bomb: Bomb | None) -> int:
    """Run the command in a fork and return its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            if bomb is not None:
                bomb.arm()
            main(arguments)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 98
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def drive(out: Path, points: list[int], arguments: list[str]) -> dict[int, tuple[int, int]]:
    """Kill and restart at every point."""
    found = {}
    for point in points:
        full = [*arguments, "--out", str(out / str(point)), "--jobs", "1"]
        found[point] = (attempt(full, Bomb(point)), attempt(full, None))
    return found


if __name__ == "__main__":
    _, folder, numbers, _, *rest = sys.argv
    print(json.dumps(drive(Path(folder), [int(n) for n in numbers.split(",")], rest)))
