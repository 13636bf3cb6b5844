"""Messages between driver and workers: progress, events, files, and the request to stop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.exceptions import RayError

from harness.errors import StoreError
from harness.files.atomic import make_folder, write_atomically
from harness.monitor import CHECKPOINT, Event, Progress
from harness.runs.folder import LOCK, RECORD, SNAPSHOTS, RunFolder
from harness.training.snapshots import is_snapshot, list_snapshots, remove_snapshots

SEND_EVERY_S = 0.3
FILES_EVERY_S = 10.0
"""Seconds between two copies of a run's files to the driver, where folders are not shared."""

SCORES = "scores.parquet"
_NOT_SENT = (LOCK, "checkpoint.prev.pt", "checkpoint.new.pt")


class Files(NamedTuple):
    """The files of a run.

    Attributes:
        run_id: The run.
        contents: By name, relative to the run's folder. The record is last, so that it never
            refers to a missing file.
    """

    run_id: str
    contents: dict[str, bytes]


Message = Progress | Event | Files | str


class Mailbox:
    """An actor on the driver's node: it dies with the driver, and the workers then stop."""

    def __init__(self) -> None:
        """Start empty."""
        self._messages: list[Message] = []
        self._stop = False

    def exchange(self, messages: list[Message]) -> bool:
        """Leave messages for the driver, and return whether to stop."""
        self._messages += messages
        return self._stop

    def take(self) -> list[Message]:
        """Return the messages for the driver."""
        messages, self._messages = self._messages, []
        return messages

    def stop(self) -> None:
        """Ask all workers to save and stop."""
        self._stop = True


class TaskMonitor:
    """The worker's end: it waits for the driver only at the end of the run."""

    def __init__(self, mailbox: Any, fetched: RunFolder | None) -> None:
        """Take the mailbox, and the run's folder if the driver does not share it."""
        self._mailbox = mailbox
        self._fetched = fetched
        self._messages: list[Message] = []
        self._latest: dict[str, Progress] = {}
        self._answer: Any = None
        self._sent = 0.0
        self._files_sent = time.monotonic()
        self._stop = False

    def progress(self, progress: Progress) -> None:
        """Keep the latest of each phase until it is time to send."""
        self._latest[progress.phase] = progress
        self._exchange()

    def notice(self, message: str) -> None:
        """Send it soon."""
        self._messages.append(message)

    def event(self, event: Event) -> None:
        """Send it soon; after some checkpoints, send the run's files first."""
        now = time.monotonic()
        if (
            event.kind == CHECKPOINT
            and self._fetched is not None
            and now - self._files_sent > FILES_EVERY_S
        ):
            self._files_sent = now
            self._messages.append(read_files(self._fetched))
        self._messages.append(event)

    def should_stop(self) -> bool:
        """Return the driver's last answer."""
        self._exchange()
        return self._stop

    def is_stopped(self) -> bool:
        """Ask the driver and wait for its answer; True if the driver is gone."""
        self._sent = 0.0
        self._answer = None
        self._exchange()
        try:
            self._stop |= ray.get(self._answer)
        except RayError:
            self._stop = True
        self._answer = None
        return self._stop

    def _exchange(self) -> None:
        now = time.monotonic()
        if now - self._sent < SEND_EVERY_S:
            return
        try:
            if self._answer is not None:
                ready, _ = ray.wait([self._answer], timeout=0)
                if not ready:
                    return
                self._stop |= ray.get(self._answer)
            messages = [*self._messages, *self._latest.values()]
            self._answer = self._mailbox.exchange.remote(messages)
        except RayError:  # the driver is gone
            self._stop = True
        self._sent = now
        self._messages, self._latest = [], {}


def read_files(folder: RunFolder) -> Files:
    """Read a run's files, except the lock and older checkpoints.

    Snapshots come first: a checkpoint is useless without the snapshots before it.
    """
    names = sorted(
        (path.name for path in folder.path.glob("*") if path.is_file()),
        key=lambda name: (name == RECORD, name),
    )
    kept = [name for name in names if name not in _NOT_SENT and not name.endswith(".tmp")]
    kept = [*list_snapshots(folder.path), *kept]
    return Files(folder.path.name, {name: (folder.path / name).read_bytes() for name in kept})


def read_result(folder: RunFolder) -> Files:
    """Read what other runs need of a finished run: its scores and its record."""
    names = [name for name in (SCORES, RECORD) if (folder.path / name).exists()]
    return Files(folder.path.name, {name: (folder.path / name).read_bytes() for name in names})


def write_files(files: Files, folder: RunFolder) -> None:
    """Write a run's files, each atomically; remove snapshots that the run no longer has.

    Raises:
        StoreError: If the disk is full, or a name would lead out of the folder.
    """
    snapshots = [name for name in files.contents if is_snapshot(name)]
    for name in files.contents:
        if name not in snapshots and (Path(name).name != name or name in ("", ".", "..")):
            raise StoreError(f"Run {files.run_id} sent a file '{name}', which is not a file name.")
    make_folder(folder.path / SNAPSHOTS if snapshots else folder.path, "--out")
    for name, content in files.contents.items():
        write_atomically(folder.path / name, content)
    if not snapshots:
        remove_snapshots(folder.path)
