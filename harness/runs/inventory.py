"""The stored runs: find them by name, filter, compare and remove them. Needs no torch."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import LockedError, StoreError, UsageError, unknown_name
from harness.runs.folder import RECORD, SNAPSHOTS, RunFolder, list_folders
from harness.runs.record import RUNNING, Record
from harness.settings.dotted import differences, flatten
from harness.settings.run import RunConfig

STATUSES = ("running", "stopped", "interrupted", "finished", "failed", "damaged")
"""Those of a record, and `stopped` (it says running, but its process is gone) and `damaged`."""


class Run(NamedTuple):
    """A stored run.

    Attributes:
        folder: Its folder.
        record: Its record; None where that is damaged.
        status: One of `STATUSES`.
        reason: Why it failed or stopped, or how it is damaged.
    """

    folder: RunFolder
    record: Record | None
    status: str
    reason: str | None

    @property
    def name(self) -> str:
        """The run's name, which is its folder's."""
        return self.folder.path.name


class Wanted(NamedTuple):
    """Which runs to choose; an empty field admits all.

    Attributes:
        statuses: Of `STATUSES`.
        settings: By dotted setting, the values that are wanted.
    """

    statuses: Sequence[str] = ()
    settings: Mapping[str, Sequence[Any]] = {}

    def has(self, run: Run) -> bool:
        """Return whether a run is wanted; a damaged one has no settings."""
        if self.statuses and run.status not in self.statuses:
            return False
        known = {} if run.record is None else flatten(run.record.config)
        return all(key in known and known[key] in values for key, values in self.settings.items())


def look_at(folder: RunFolder) -> Run:
    """Read a run; a damaged one is described as such."""
    try:
        record = folder.read_record()
    except StoreError as error:
        return Run(folder, None, "damaged", str(error))
    if record.status == RUNNING and not folder.is_locked():
        return Run(folder, record, "stopped", "Its process is gone and exited without a status.")
    return Run(folder, record, record.status, record.reason)


def list_runs(folders: Sequence[Path], wanted: Wanted | None = None) -> list[Run]:
    """List the runs below some folders, by path.

    Args:
        folders: Folders of run folders, at any depth, or run folders.
        wanted: Which runs; None: all.

    Returns:
        The runs, each once.

    Raises:
        StoreError: If a folder does not exist.
        UsageError: If no run has one of the wanted settings.
    """
    runs = [look_at(folder) for folder in list_folders(folders)]
    known = {key for run in runs if run.record for key in flatten(run.record.config)}
    for key in wanted.settings if wanted is not None and known else ():
        if key not in known | RunConfig.model_fields.keys():
            raise unknown_name("setting", key, known)
    return [run for run in runs if wanted is None or wanted.has(run)]


def find_run(name: str, folders: Sequence[Path]) -> Run:
    """Find a run by its name, by a unique prefix of it, or by its folder.

    Args:
        name: As the user gave it.
        folders: Where to look.

    Returns:
        The run.

    Raises:
        UsageError: If no run matches, or more than one.
        StoreError: If a folder does not exist.
    """
    if (Path(name) / RECORD).is_file():
        return look_at(RunFolder(Path(name)))
    runs = list_runs(folders)
    exact = [run for run in runs if run.name == name]
    matching = exact or [run for run in runs if name and run.name.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    where = ", ".join(map(str, folders))
    if matching:
        names = ", ".join(str(run.folder.path) for run in matching[:10])
        raise UsageError(
            f"'{name}' matches {len(matching)} runs in {where}: {names}. Give a longer prefix, or "
            "the folder."
        )
    raise UsageError(f"No run in {where} matches '{name}'. `harness runs list` lists them.")


def remove(run: Run) -> None:
    """Remove a run's folder, and nothing else.

    Args:
        run: The run.

    Raises:
        LockedError: If a process works on it.
        StoreError: If the folder is not a run's, is a link, holds other folders, or cannot be
            removed.
    """
    path = run.folder.path
    check_removable(run)
    try:
        with run.folder.locked():
            (path / RECORD).unlink()  # first, so that what a crash leaves is not taken for a run
            shutil.rmtree(path)
    except LockedError as error:
        raise LockedError(
            f"{path} could not be removed: a process began to work on it. Stop it first."
        ) from error
    except (OSError, StoreError) as error:
        reason = error if isinstance(error, OSError) else error.__cause__  # why it is not locked
        raise StoreError(f"{path} could not be removed: {reason}.") from error


def check_removable(run: Run) -> None:
    """Check that a folder holds a run and nothing else.

    Args:
        run: The run.

    Raises:
        LockedError: If a process works on it.
        StoreError: If the folder is not a run's, is a link, or holds other folders.
    """
    path = run.folder.path
    if run.folder.is_locked():
        raise LockedError(f"A process is working on {path}, so nothing is removed. Stop it first.")
    if path.is_symlink():
        raise StoreError(f"{path} is a link to another folder. Remove the link yourself.")
    if run.record is None or run.record.run_id != path.resolve().name:
        raise StoreError(
            f"{path} has a damaged record, or one of another name. Its files may not be the "
            "harness's, so it is not removed. Remove it yourself."
        )
    strange = sorted(
        inside.name
        for inside in path.iterdir()
        if inside.is_dir() and not inside.is_symlink() and inside.name != SNAPSHOTS
    )
    if strange:
        raise StoreError(
            f"{path} holds folders that are not part of a run: {', '.join(strange[:5])}. It is not "
            "removed; move them away first."
        )


class RunDifference(NamedTuple):
    """A value that differs between two runs.

    Attributes:
        part: settings, execution, environment, commits, data, ranking, timings or results.
        key: The dotted key.
        first: Value of the first run; None where it has none.
        second: Value of the second run.
    """

    part: str
    key: str
    first: Any
    second: Any


def compare(first: Record, second: Record) -> list[RunDifference]:
    """List the differences between two runs."""
    parts = {
        "settings": "config",
        "execution": "execution",
        "environment": "environment",
        "commits": "sources",
        "data": "data",
        "ranking": "ranking",
        "timings": "timings",
        "results": "summary",
    }
    return [
        RunDifference(part, *difference)
        for part, field in parts.items()
        for difference in differences(_content(first, field), _content(second, field))
    ]


def _content(record: Record, field: str) -> Mapping[str, Any]:
    content = getattr(record, field)
    if isinstance(content, Mapping):
        return content
    return {"latest": content[-1].get("commit") if content else None, "starts": len(content)}
