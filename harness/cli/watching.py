"""Monitors for programs: a JSON log, and curves for TensorBoard."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TextIO

import click

from harness.cli.progress import Speed
from harness.errors import StoreError
from harness.monitor import FINISHED, Event, Progress, SilentMonitor
from harness.runs.folder import RunFolder

PROGRESS_EVERY_S = 1.0
"""Seconds between two lines of progress about one run."""


def warn(message: str) -> None:
    """Print a note, unless standard error cannot be written to."""
    with suppress(OSError):
        click.echo(f"Note: {message}", err=True)


class JsonLog(SilentMonitor):
    """Writes one JSON object per line; docs/how-to/clusters.md documents the fields."""

    def __init__(self, file: str) -> None:
        """Name the file to append to; `-` is standard error."""
        self._name = file
        self._speed = Speed()
        self._written: dict[str, float] = {}
        self._is_broken = False

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            StoreError: If it cannot be written.
        """
        try:
            self._file: TextIO = (
                sys.stderr
                if self._name == "-"
                else Path(self._name).open("a", encoding="utf-8", buffering=1)
            )
        except OSError as error:
            raise StoreError(
                f"--log-json {self._name} cannot be written: {error.strerror}. Give another file."
            ) from error
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        if self._name != "-":
            with suppress(OSError):  # a full disk, which was reported
                self._file.close()

    def progress(self, progress: Progress) -> None:
        """Write it about once a second per run, and at the end of a phase."""
        now, run_id = time.monotonic(), progress.run_id
        rate = self._speed.measure((run_id, progress.phase), progress.done, now)
        is_over = progress.done == progress.total
        if not is_over and now - self._written.get(run_id, -PROGRESS_EVERY_S) < PROGRESS_EVERY_S:
            return
        self._written[run_id] = now
        left_s = round((progress.total - progress.done) / rate, 1) if rate else None
        self._write(
            "progress",
            run_id,
            phase=progress.phase,
            done=progress.done,
            total=progress.total,
            loss=progress.loss,
            left_s=0.0 if is_over else left_s,
            detail=progress.detail,
        )

    def notice(self, message: str) -> None:
        """Write it."""
        self._write("notice", None, message=message)

    def event(self, event: Event) -> None:
        """Write it."""
        self._write(event.kind, event.run_id, **event.facts)

    def _write(self, kind: str, run_id: str | None, **facts: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        content = {"time": now, "event": kind, "run_id": run_id, **facts}
        if self._is_broken:
            return
        try:
            self._file.write(json.dumps(content) + "\n")
            self._file.flush()
        except OSError as error:  # a monitor that fails does not stop the runs
            self._is_broken = True
            warn(f"--log-json {self._name} stops here: {error.strerror}. The runs continue.")


class TensorBoardExport(SilentMonitor):
    """Exports each run that finishes."""

    def __init__(self, out: Path, target: Path) -> None:
        """Take the folder of run folders, and the folder for TensorBoard.

        Raises:
            UsageError: If TensorBoard is not installed.
            StoreError: If the folder cannot be made.
        """
        from harness.runs.tensorboard import prepare_export

        prepare_export(target)
        self._out = out
        self._target = target

    def event(self, event: Event) -> None:
        """Export a run that finished."""
        if event.kind == FINISHED:
            from harness.runs.tensorboard import export_run

            try:
                export_run(RunFolder(self._out / event.run_id), self._target)
            except StoreError as error:  # a monitor that fails does not stop the runs
                warn(f"No curves of {event.run_id}: {error} The runs continue.")
