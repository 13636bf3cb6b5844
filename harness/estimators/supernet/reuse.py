"""Ranking a trained supernet again: the training of another run is reused, not repeated.

Runs that differ only in the ranking share the training part of their names. The files of the
first run are linked into the folder of the next: its last checkpoint, and the weights of
the earlier checkpoints that its ranking needs, which finished runs keep for this.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.monitor import Monitor, SilentMonitor
from harness.runs.folder import RECORD, RunFolder
from harness.runs.record import FINISHED, Record
from harness.settings.run import RunConfig
from harness.settings.stored import former_name
from harness.training.checkpoint import CURRENT, PREVIOUS
from harness.training.snapshots import snapshot_path, snapshot_steps


def find_training(
    config: RunConfig, folder: Path, images_sha256: str, monitor: Monitor
) -> RunFolder | None:
    """Find a finished run beside a run's folder whose training is the same.

    Args:
        config: The run that needs a trained supernet.
        folder: Its folder; the others are beside it.
        images_sha256: Hash of its images.
        monitor: Told whose training is reused, and of one that fits but cannot be.

    Returns:
        The other run's folder, rather of the run that did the training than of one that took it
        over; None if there is none.
    """
    found = sorted(
        same_training(config, folder, monitor), key=lambda one: "source" in one[1].ranking
    )
    for other, record in found:
        if record.data.get("images_sha256") != images_sha256:
            monitor.notice(
                f"{config.run_id}: run {record.run_id} has the same training, but on other images."
            )
            continue
        missing = missing_weights(config, other.path)
        if not missing:
            trained = describe_training(other)["run_id"]
            monitor.notice(f"{config.run_id}: ranks the supernet that run {trained} trained.")
            return other
        monitor.notice(
            f"{config.run_id}: run {record.run_id} has the same training, but lacks "
            f"{', '.join(missing)}, which this ranking needs. The supernet is trained again. To "
            f"prevent that, stop now and put the missing files back into {other.path}."
        )
    _notice_former(config, folder, monitor)
    return None


def missing_weights(config: RunConfig, folder: Path) -> list[str]:
    """List the files that a ranking needs of the training in a folder, and that are not there."""
    weights = _weights(config, folder)
    return [str(path.relative_to(folder)) for path in weights if not path.exists()]


def _notice_former(config: RunConfig, folder: Path, monitor: Monitor) -> None:
    """Say that the same training is there under a former name, which cannot be reused."""
    stem = former_name(config.model_dump()).rpartition("-")[0]
    for other, record in _finished(config, folder, stem, SilentMonitor()):
        if other.path.name == former_name(record.config):
            monitor.notice(
                f"{config.run_id}: run {record.run_id} has the same training, but was stored by an "
                "earlier version, whose checkpoints cannot be ranked again. The supernet is "
                "trained again."
            )
            return


def has_begun(folder: Path) -> bool:
    """Say whether a run's folder has a training already, its own or another's."""
    return (folder / CURRENT).exists() or (folder / PREVIOUS).exists()


def describe_training(other: RunFolder) -> dict[str, Any]:
    """Name the run that trained, when it started, and the hash of its last checkpoint."""
    record = other.read_record()
    first = record.ranking.get("source") or {}
    digest = hashlib.sha256((other.path / CURRENT).read_bytes()).hexdigest()
    return {
        "run_id": first.get("run_id", record.run_id),
        "started": first.get("started", record.started),
        "checkpoint_sha256": digest,
    }


def take_over(config: RunConfig, other: RunFolder, folder: Path) -> None:
    """Link another run's weights into a run's folder, the last checkpoint last.

    Raises:
        StoreError: If they cannot be read or written.
    """
    try:
        for source in _weights(config, other.path):
            target = folder / source.relative_to(other.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(target.name + ".part")
            part.unlink(missing_ok=True)
            try:
                os.link(source, part)  # never written to again: the next is another file
            except OSError:
                shutil.copyfile(source, part)
            part.replace(target)
    except OSError as error:
        raise StoreError(
            f"The training of {other.path} cannot be copied into {folder}: "
            f"{error.strerror or error}. Give an --out folder that can be written to."
        ) from error


def same_training(
    config: RunConfig, folder: Path, monitor: Monitor
) -> Iterator[tuple[RunFolder, Record]]:
    """Find the finished runs beside a run's folder whose training is the same.

    Args:
        config: The run.
        folder: Its folder.
        monitor: Told of a training that cannot be used.
    """
    stem = config.name.removesuffix(config.ranking_sha256[:8])
    return _finished(config, folder, stem, monitor)


def _finished(
    config: RunConfig, folder: Path, stem: str, monitor: Monitor
) -> Iterator[tuple[RunFolder, Record]]:
    """Find finished runs with the same training beside a folder, by the start of their names.

    The monitor is told of a training that is there, but cannot be used.
    """
    for path in sorted(folder.parent.glob(f"{glob.escape(stem)}*")):
        if path == folder or not ((path / RECORD).exists() or has_begun(path)):
            continue
        try:
            record = RunFolder(path).read_record()
        except StoreError as error:
            monitor.notice(f"{config.run_id}: the training in {path} cannot be used: {error}")
            continue
        if RunConfig(**record.config).training_sha256 != config.training_sha256:
            continue
        if record.status == FINISHED:
            yield RunFolder(path), record
        else:
            monitor.notice(
                f"{config.run_id}: run {record.run_id} has the same training, but is "
                f"{record.status}: only the supernet of a finished run is ranked again."
            )


def _weights(config: RunConfig, folder: Path) -> list[Path]:
    steps = snapshot_steps(config)[:-1]
    return [*(snapshot_path(folder, step) for step in steps), folder / CURRENT]
