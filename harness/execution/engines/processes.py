"""The processes of runs: each a fork of one that has imported torch, or started from nothing.

Importing what a run needs takes seconds of CPU time, a fork of a process that has done so some
milliseconds. multiprocessing's own fork server would do, but keeps the environment and the search
path of its first call for all later ones, and outlives the call.

Each process has a connection to the one that started it. An end of it closes when its process is
gone, which is all that either needs to know of the other's death.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

Target = Callable[[Connection], None]
"""What a process does; found by its module and name."""

FORK, KILL = b"f", b"k"
STOPS = {signal.SIGINT, signal.SIGTERM}


class Processes(Protocol):
    """Processes that do the same, each with a connection of its own."""

    def start(self) -> Connection:
        """Start one, and return this end of its connection; the other closes when it ends."""
        ...

    def status(self, connection: Connection) -> int | None:
        """Wait for the end of one and return its exit code, negative for a signal.

        Returns:
            The code; None if what would know it is gone.
        """
        ...

    def kill(self) -> None:
        """End all at once."""
        ...

    def close(self) -> None:
        """Wait until all have ended."""
        ...


class Spawned:
    """Processes that start from nothing, where forks are not to be had or not to be trusted."""

    def __init__(self, target: Target) -> None:
        """Take what they do."""
        self._target = target
        self._processes: dict[Connection, BaseProcess] = {}

    def start(self) -> Connection:
        """Start one."""
        ours, theirs = Pipe()
        self._processes[ours] = _spawn(self._target, theirs)
        theirs.close()
        return ours

    def status(self, connection: Connection) -> int | None:
        """Wait for the end of one."""
        process = self._processes.pop(connection)
        process.join()
        return process.exitcode

    def kill(self) -> None:
        """Kill all."""
        for process in self._processes.values():
            process.kill()

    def close(self) -> None:
        """Wait until all have ended."""
        for process in self._processes.values():
            process.join()


class Forked:
    """Processes that are forks of a server, which starts with the first of them."""

    def __init__(self, target: Target, modules: Sequence[str]) -> None:
        """Take what they do, and what the server imports besides its module."""
        self._target, self._modules = target, modules
        self._servers: list[tuple[BaseProcess, socket.socket]] = []  # the last one serves
        self._statuses: dict[Connection, Connection] = {}
        self._ids: dict[Connection, int] = {}  # of processes, as far as they were asked for

    def start(self) -> Connection:
        """Ask the server for one; it is there once it answers."""
        ours, theirs = Pipe()
        status, report = Pipe(duplex=False)
        handles = [theirs.fileno(), report.fileno()]
        try:
            self._ask(FORK, handles)
        except OSError:  # the server was killed; its forks work on
            self._launch()
            self._ask(FORK, handles)
        theirs.close()
        report.close()
        self._statuses[ours] = status
        return ours

    def status(self, connection: Connection) -> int | None:
        """Wait for what the server says of one; nothing if it is gone."""
        with closing(self._statuses.pop(connection)) as status, suppress(EOFError, OSError):
            if self._ids.pop(connection, None) is None:
                status.recv()
            return int(status.recv())
        return None

    def kill(self) -> None:
        """Have the server kill all that it started, and kill what outlived its server."""
        if self._servers:
            with suppress(OSError):
                self._ask(KILL)
        for connection, status in self._statuses.items():
            with suppress(EOFError, OSError):
                if connection not in self._ids and status.poll():
                    self._ids[connection] = status.recv()
                if connection in self._ids and not _is_hung_up(connection):
                    os.kill(self._ids[connection], signal.SIGKILL)

    def close(self) -> None:
        """Let the server end when its last fork has."""
        for server, control in self._servers:
            control.close()
            server.join()

    def _ask(self, what: bytes, handles: Sequence[int] = ()) -> None:
        if not self._servers:
            self._launch()
        _, control = self._servers[-1]
        socket.send_fds(control, [what], handles)

    def _launch(self) -> None:
        ours, theirs = socket.socketpair()
        self._servers.append((_spawn(_serve, theirs, self._target, self._modules), ours))
        theirs.close()


def make_processes(target: Target, modules: Sequence[str]) -> Processes:
    """Prepare processes that all do the same.

    They are forks on Linux. On macOS, the system's own libraries do not survive a fork.

    Args:
        target: What each does with its end of the connection.
        modules: What they import late, though all of them do.
    """
    return Forked(target, modules) if sys.platform == "linux" else Spawned(target)


def _is_hung_up(connection: Connection) -> bool:
    """Say whether nobody holds the other end: the process is gone, and its number perhaps taken."""
    poll = select.poll()
    poll.register(connection.fileno(), 0)  # of all events, the end alone
    return bool(poll.poll(0))


def _serve(control: socket.socket, target: Target, modules: Sequence[str]) -> None:
    """Fork processes as asked and report how they end, until nobody asks and none is left.

    It imports and computes nothing: a fork has neither the threads of a computation nor its GPU.
    It has threads nevertheless: those that the BLAS libraries of numpy and scipy start on import,
    and end before a fork. Python 3.12 may warn of such forks. Tried are Python 3.11 and CPUs; no
    run on a GPU has gone through a fork yet.
    """
    for name in modules:
        importlib.import_module(name)
    running: dict[int, tuple[BaseProcess, Connection]] = {}
    asked: list[socket.socket] = [control]
    while asked or running:
        for ready in wait([*asked, *running]):
            if isinstance(ready, int):
                process, report = running.pop(ready)
                process.join()
                with closing(report), suppress(OSError):  # nobody may be there any more
                    report.send(process.exitcode)
                continue
            what, handles, _, _ = socket.recv_fds(control, 1, 2)
            if what == FORK:
                connection, report = (Connection(handle) for handle in handles)
                reports = [report, *(other for _, other in running.values())]
                try:
                    process = _fork(target, connection, [control, *reports])
                    running[process.sentinel] = process, report
                    report.send(process.pid)
                except OSError:  # no memory, or too many processes
                    report.close()
                connection.close()
            elif what == KILL:
                for process, _ in running.values():
                    process.kill()
            else:
                asked.clear()


def _fork(
    target: Target, connection: Connection, ours: Sequence[socket.socket | Connection]
) -> BaseProcess:
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_begin, args=(target, connection, ours))
    process.start()
    return process


def _begin(
    target: Target, connection: Connection, others: Sequence[socket.socket | Connection]
) -> None:
    """Be a fork, without what is the server's own."""
    for other in others:
        other.close()
    target(connection)


def _spawn(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Start a process from nothing that hears neither of Ctrl-C nor SIGTERM until it says so."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    with _blocked_signals():
        process.start()
    return process


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Block signals: for good in a process started meanwhile, until the end of the block here.

    A terminal sends Ctrl-C to all its processes, and a cluster SIGTERM. One that is still importing
    would die of them, and a server may not; the parent asks it to stop in another way.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its own start would unblock the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hear_of_stops(handler: Callable[[int, object], None]) -> None:
    """Let a process started here handle SIGTERM, also one that came while it started."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, handler)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
