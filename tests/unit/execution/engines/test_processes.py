"""How the processes of runs start and end: the same for forks of a server and for spawned ones."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from harness.execution.engines.processes import (
    FORK,
    Forked,
    Processes,
    Spawned,
    _serve,
    hear_of_stops,
    make_processes,
)

LATE = "json.tool"
"""A module that nothing else imports."""

MAKERS = {"forked": lambda: Forked(obey, [LATE]), "spawned": lambda: Spawned(obey)}


def _receive(connection: Connection) -> Any:
    try:
        return connection.recv()
    except EOFError:
        return None


def obey(connection: Connection) -> None:
    """Do as told over the connection, until it ends."""
    stops: list[int] = []
    connection.send(("began", os.getpid()))
    for what in iter(partial(_receive, connection), None):
        match what:
            case "exit", code:
                sys.exit(code)
            case "die", number:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
                os.kill(os.getpid(), number)
            case "break":
                raise ValueError("a bug")
            case "listen":
                hear_of_stops(lambda number, _: stops.append(number))
                connection.send(list(stops))
            case "environment":
                connection.send((dict(os.environ), str(Path.cwd()), sys.path))
            case "server":
                connection.send((os.getppid(), LATE in sys.modules))


@pytest.fixture(params=MAKERS)
def processes(request: pytest.FixtureRequest) -> Iterator[Processes]:
    made: Processes = MAKERS[request.param]()
    yield made
    made.kill()
    made.close()


@pytest.fixture
def forked() -> Iterator[Forked]:
    made = Forked(obey, [LATE])
    yield made
    made.kill()
    made.close()


def begin(processes: Processes) -> tuple[Connection, int]:
    """Start a process, and return its connection and id once it is there."""
    connection = processes.start()
    _, process_id = connection.recv()
    return connection, process_id


def ask(connection: Connection, what: object) -> Any:
    """Tell a process to do something and return its answer."""
    connection.send(what)
    return connection.recv()


def is_there(process_id: int) -> bool:
    """Say whether a process runs."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("what", "status"),
    [
        (None, 0),
        (("exit", 7), 7),
        (("die", signal.SIGKILL), -signal.SIGKILL),
        (("die", signal.SIGTERM), -signal.SIGTERM),
        ("break", 1),
    ],
)
def test_the_end_of_a_process_closes_its_connection_and_leaves_its_status(
    processes: Processes, what: object, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    ending, _ = begin(processes)
    other, _ = begin(processes)
    ending.send(what)
    with pytest.raises((EOFError, ConnectionResetError)):
        ending.recv()
    assert processes.status(ending) == status
    assert ("ValueError: a bug" in capfd.readouterr().err) == (what == "break")
    other.send(None)
    assert processes.status(other) == 0


def test_a_request_to_stop_that_comes_too_early_is_heard_later(processes: Processes) -> None:
    connection, process_id = begin(processes)
    os.kill(process_id, signal.SIGINT)
    os.kill(process_id, signal.SIGTERM)
    assert ask(connection, "listen") == [signal.SIGTERM]


def test_all_are_killed_at_once(processes: Processes) -> None:
    connections = [begin(processes)[0] for _ in range(2)]
    processes.kill()
    assert [processes.status(connection) for connection in connections] == [-signal.SIGKILL] * 2


def test_processes_have_the_environment_folder_and_path_of_their_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.setenv("HARNESS_TRIED", name)
        monkeypatch.syspath_prepend(str(tmp_path / name))
        processes = make_processes(obey, [])
        connection, _ = begin(processes)
        environment, folder, path = ask(connection, "environment")
        connection.send(None)
        processes.close()
        assert environment["HARNESS_TRIED"] == name
        assert folder == str(tmp_path / name)
        assert path[0] == folder


def test_nobody_is_left_when_all_have_ended(processes: Processes) -> None:
    connection, process_id = begin(processes)
    server, _ = ask(connection, "server")
    connection.send(None)
    processes.close()
    assert not is_there(process_id)
    assert server == os.getpid() or not is_there(server)
    assert multiprocessing.active_children() == []


def test_a_process_that_reads_finds_the_end_when_its_starter_closes(processes: Processes) -> None:
    connection, _ = begin(processes)
    connection.close()
    processes.close()  # would wait for ever


def test_forks_share_what_their_server_has_imported(forked: Forked) -> None:
    connections = [begin(forked)[0] for _ in range(2)]
    answers = [ask(connection, "server") for connection in connections]
    assert answers[0] == answers[1]
    server, has_late = answers[0]
    assert has_late
    assert server != os.getpid()


def test_a_server_that_is_killed_takes_no_fork_with_it_and_is_replaced(forked: Forked) -> None:
    connection, _ = begin(forked)
    server, _ = ask(connection, "server")
    os.kill(server, signal.SIGKILL)
    while multiprocessing.active_children():  # until it is gone
        time.sleep(0.01)
    assert ask(connection, "server")[0] != server  # somebody adopted it
    other, _ = begin(forked)
    other.send(None)
    assert forked.status(other) == 0
    connection.send(None)
    with pytest.raises((EOFError, ConnectionResetError)):
        connection.recv()
    assert forked.status(connection) is None


def test_all_are_killed_that_outlived_their_server_too(forked: Forked) -> None:
    ended, _ = begin(forked)
    ended.send(None)
    connection, _ = begin(forked)
    server, _ = ask(connection, "server")
    os.kill(server, signal.SIGKILL)
    while multiprocessing.active_children():  # until it is gone
        time.sleep(0.01)
    other, other_id = begin(forked)  # of a new server
    forked.kill()
    forked.kill()  # a third Ctrl-C
    for killed in (connection, other):
        with pytest.raises((EOFError, ConnectionResetError)):
            killed.recv()
    assert [forked.status(each) for each in (connection, other)] == [None, -signal.SIGKILL]
    assert not is_there(other_id)


def test_requests_that_a_killed_server_leaves_behind_end_without_a_status(forked: Forked) -> None:
    connection, _ = begin(forked)
    server, _ = ask(connection, "server")
    os.kill(server, signal.SIGSTOP)
    waiting = forked.start()  # in the server's queue
    os.kill(server, signal.SIGKILL)
    with pytest.raises((EOFError, ConnectionResetError)):
        waiting.recv()
    assert forked.status(waiting) is None


def test_a_fork_that_the_system_refuses_ends_without_a_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr("harness.execution.engines.processes._fork", refuse)
    control, theirs = socket.socketpair()
    (ours, connection), (status, report) = Pipe(), Pipe(duplex=False)
    with control, theirs, connection, report, ours, status:
        server = Thread(target=_serve, args=(theirs, obey, []))
        server.start()
        socket.send_fds(control, [FORK], [connection.fileno(), report.fileno()])
        connection.close()
        report.close()
        closed = [end.poll(60) for end in (ours, status)]  # while the server serves
        control.shutdown(socket.SHUT_WR)
        server.join()
    assert closed == [True, True]


def test_killing_all_where_none_was_started_starts_nothing() -> None:
    processes = Forked(obey, [LATE])
    before = multiprocessing.active_children()
    processes.kill()
    assert multiprocessing.active_children() == before
    processes.close()
