"""Limits under which a reader of hostile files runs: it may neither hang nor eat the memory."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

CPU_S = 20.0
"""CPU seconds a file, most of which no reader takes a hundredth of: a busy machine is no hang."""

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files are made 10,000 at a time: not on a disk, where there is a choice."""

MORE_BYTES = 2 * 2**30
"""Address space beyond what the process has, which no reader of a file of a few kilobytes needs."""


@contextmanager
def time_limit(seconds: float = CPU_S) -> Iterator[None]:
    """Fail where what is inside takes more CPU time than that."""

    def on_signal(_number: int, _frame: Any) -> NoReturn:
        raise AssertionError(f"it hangs: more than {seconds:.0f} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, on_signal)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def memory_limit(more: int = MORE_BYTES) -> Iterator[None]:
    """Let no more address space be had than some bytes beyond what there is."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
