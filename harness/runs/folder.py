"""Run folders: files are written atomically, and validated when read.

In `<out>/<run id>/`:

- `config.toml`: the resolved settings
- `record.json`: status, environment, commit, data hashes, timings, summary
- `checkpoint.pt`: the trained supernet (and the one before it, while training)
- `steps.parquet`: one row per step
- `disturbance.parquet`: one row per path measured around a step
- `curve.parquet`: training loss over training
- `diagnostics.parquet`: the strategy's own figures over training, such as plasticity
- `interim_scores.parquet`: small rankings during training
- `scores.parquet`: the ranking
- `scores_refitted.parquet` or `scores_shared.parquet`: the ranking by the other readout
- `snapshots/`: earlier weights that the ranking uses, kept for further rankings
- `ranking_rounds.parquet`: tau after each batch of images, with `until_tau_se`
- `layers.parquet`: plasticity of each projected layer over training
- `seconds.parquet`: what measuring each architecture took, of proxies and short trainings
- `training_losses.parquet`: of short trainings, the mean loss of each epoch
- `labels.parquet`: of predictors, the architectures whose truth they were fitted to, with it
- `profile.txt`, `profile-train.json`, `profile-rank.json`: where the time goes, with `--profile`
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout
from pydantic import ValidationError

from harness.errors import StoreError
from harness.files.atomic import remove_leftovers, write_atomically
from harness.files.locks import hold_lock
from harness.runs.record import SCHEMA_VERSION, Record
from harness.settings.run import RunConfig
from harness.settings.stored import former_name

RECORD, CONFIG, LOCK = "record.json", "config.toml", ".lock"
SNAPSHOTS = "snapshots"
LOCK_WAIT_S = 3.0
"""A worker whose parent was killed takes a while to notice, and to release its lock."""


_UNREADABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, NotImplementedError)
"""What pandas and pyarrow raise for a bad Parquet file, or for bad pandas metadata in it."""


class RunFolder:
    """One run's folder."""

    def __init__(self, path: Path) -> None:
        """Name the folder, which need not exist yet."""
        self.path = path

    def read_record(self) -> Record:
        """Read the record.

        Raises:
            StoreError: If it is missing, damaged, or of a newer schema.
        """
        path = self.path / RECORD
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise ValueError("it is not a JSON object")
            version = dict(content).get("schema_version", 1)
            if isinstance(version, int) and version > SCHEMA_VERSION:
                raise StoreError(
                    f"{path} has schema {version}, this version reads up to {SCHEMA_VERSION}. "
                    "Update the harness to read this run."
                )
            record = Record(**content)
            _check_record(record)
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise StoreError(
                f"{path} is damaged ({describe_fault(error)}). Move the folder away and compute "
                f"the run anew; its settings are in {CONFIG} beside it."
            ) from error
        return record

    def has_record(self) -> bool:
        """Return whether a run was ever started here."""
        return (self.path / RECORD).exists()

    def write_record(self, record: Record) -> None:
        """Write the record, and the first time also `config.toml`."""
        self.path.mkdir(parents=True, exist_ok=True)
        config = self.path / CONFIG
        if not config.exists():
            write_atomically(config, RunConfig(**record.config).to_toml())
        write_atomically(self.path / RECORD, record.model_dump_json(indent=2) + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as `<name>.parquet`."""
        write_atomically(
            self.path / f"{name}.parquet",
            lambda path: table.to_parquet(
                path, index=False, compression="zstd", write_page_checksum=True
            ),
        )

    def read_table(self, name: str) -> pd.DataFrame | None:
        """Read `<name>.parquet`, or return None where the run has none.

        Raises:
            StoreError: If the file is damaged.
        """
        path = self.path / f"{name}.parquet"
        if not path.exists():
            return None
        try:
            return pd.read_parquet(path, page_checksum_verification=True)
        except _UNREADABLE as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise StoreError(
                f"{path} is damaged ({reason}). Move the run's folder away and run it again."
            ) from error

    def is_locked(self) -> bool:
        """Return whether another process, or another part of this one, holds the folder now."""
        if not (self.path / LOCK).exists():
            return False
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, PermissionError):  # PermissionError: another user's
            return True
        except OSError:  # such as a folder that may not be written to
            return False
        lock.release()
        return False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder; the system releases the lock whenever the process dies.

        Raises:
            LockedError: If another live process holds it.
            StoreError: If the folder cannot be made or written to.
        """
        work = f"working on {self.path}"
        with hold_lock(self.path / LOCK, work, "--out folder", LOCK_WAIT_S):
            remove_leftovers(self.path)
            yield


def describe_fault(error: Exception) -> str:
    """Describe in one line what is wrong with a JSON file, naming the first bad field."""
    if isinstance(error, KeyError):
        return f"the setting {error} is missing"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not whole JSON: {error}"
    if not isinstance(error, ValidationError):
        return (str(error).splitlines() or [type(error).__name__])[0]
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"the field {field!r:.60} is missing"
    if not field:
        return first["msg"]
    return f"{field!r:.60} is {first['input']!r:.60}: {first['msg']}"


def _check_record(record: Record) -> None:
    """Check that a record's settings belong to its name.

    Raises:
        ValueError: If they do not.
    """
    config = RunConfig(**record.config)
    name, is_supernet = config.name, config.estimator == "supernet"
    if record.run_id != name and not (is_supernet and record.run_id == former_name(record.config)):
        raise ValueError(
            f"its settings belong to run {name!r}, its run_id is {record.run_id!r:.80}"
        )


def under_stored_name(config: RunConfig, out: Path) -> RunConfig:
    """Return a run under the name that it already has in a folder of runs.

    Args:
        config: The run, resolved.
        out: The folder.

    Returns:
        The run, under a former name if it is stored under one.
    """
    names = (config.name, *config.former_names)
    found = next((name for name in names if (out / name / RECORD).exists()), config.name)
    return config if found == config.name else config.stored_as(found)


def list_folders(folders: Iterable[Path]) -> list[RunFolder]:
    """List the run folders among some folders and at any depth below them.

    Args:
        folders: Run folders, or folders of them.

    Returns:
        The runs, sorted by path, each once.

    Raises:
        StoreError: If a folder does not exist.
    """
    found: dict[Path, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise StoreError(
                f"{folder} is not a folder. Give a run folder, a folder of runs, or a score file "
                "with its ending; `harness run` writes to results/runs by default."
            )
        found |= {record.parent.resolve(): record.parent for record in folder.rglob(RECORD)}
    return [RunFolder(path) for path in sorted(found.values())]


def find_runs(folders: Iterable[Path]) -> list[RunFolder]:
    """List the run folders as `list_folders` does, of which there must be at least one.

    Raises:
        StoreError: If a folder does not exist or nothing is found.
    """
    folders = list(folders)
    found = list_folders(folders)
    if not found:
        names = ", ".join(str(folder) for folder in folders)
        raise StoreError(f"No runs in {names}. Create some with `harness run --space nb201`.")
    return found
