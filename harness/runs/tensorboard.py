"""Curves of finished runs for TensorBoard, from their folders (extra `tensorboard`).

Curves are exported, not streamed: they show what is stored, so that a run that was stopped, resumed
or computed elsewhere looks like any other.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.errors import StoreError, UsageError
from harness.files.atomic import make_folder
from harness.provenance import how_to_install
from harness.runs.folder import RunFolder

SUFFIX = ".harness"
"""Suffix of the event files, by which a later export recognises and replaces them."""


class Point(NamedTuple):
    """A value at a step."""

    tag: str
    step: int
    value: float


def prepare_export(target: Path) -> None:
    """Make the folder that TensorBoard is pointed at.

    Raises:
        UsageError: If TensorBoard is not installed.
        StoreError: If the folder cannot be made.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise UsageError(f"TensorBoard is not installed: {how_to_install('tensorboard')}.")
    make_folder(target, "--tensorboard")


def export_run(folder: RunFolder, target: Path) -> Path:
    """Write a run's curves, replacing those of an earlier export.

    Args:
        folder: The run; missing tables are skipped.
        target: The folder that TensorBoard is pointed at.

    Returns:
        The folder of the run's event file, `<target>/<run id>`.

    Raises:
        UsageError: If TensorBoard is not installed.
        StoreError: If a table is damaged, or the curves cannot be written.
    """
    prepare_export(target)
    from torch.utils.tensorboard import SummaryWriter

    points = list(read_points(folder))
    place = target / folder.path.name
    try:
        for old in place.glob(f"events.out.tfevents.*{SUFFIX}"):
            old.unlink()
        with SummaryWriter(str(place), filename_suffix=SUFFIX) as writer:
            for tag, step, value in points:
                writer.add_scalar(tag, value, step)
    except OSError as error:
        raise StoreError(
            f"Curves in {place} cannot be written: {error.strerror or error}. Give another folder."
        ) from error
    return place


def read_points(folder: RunFolder) -> Iterator[Point]:
    """Yield the points to plot of a run.

    Yields:
        `train/loss` and `train/lr` of every step, `curve/train_loss` over fixed architectures,
        `disturbance/mean_pd` and `disturbance/positive_pd` of paths trained before and
        `disturbance/progress` of the trained path (nats), `rank/tau` of the small rankings (all on
        the same architectures), `rank/tau_final` of the final ranking, and the strategy's
        `diagnostics/...`.

    Raises:
        StoreError: If a table is damaged.
    """
    steps = folder.read_table("steps")
    n_steps = 0 if steps is None else int(steps["step"].max()) + 1
    yield from _columns(steps, "train", ("loss", "lr"))
    yield from _columns(folder.read_table("curve"), "curve")
    yield from _columns(folder.read_table("diagnostics"), "diagnostics")
    yield from _disturbance(folder)
    yield from _taus(folder, n_steps)


def _columns(
    frame: pd.DataFrame | None, prefix: str, columns: Sequence[str] = ()
) -> Iterator[Point]:
    if frame is not None:
        for column in columns or frame.columns.drop("step"):
            for step, value in zip(frame["step"], frame[column], strict=True):
                yield Point(f"{prefix}/{column}", int(step), float(value))


def _disturbance(folder: RunFolder) -> Iterator[Point]:
    frame = folder.read_table("disturbance")
    if frame is None:
        return
    frame = frame.assign(change=frame["loss_after"] - frame["loss_before"])
    for step, rows in frame.groupby("step"):
        at = int(str(step))
        others = rows.loc[rows["probe_set"] == "recent", "change"]
        own = rows.loc[rows["probe_set"] == "trained", "change"]
        if len(others):
            yield Point("disturbance/mean_pd", at, float(others.mean()))
            yield Point("disturbance/positive_pd", at, float(others.clip(lower=0).mean()))
        if len(own):
            yield Point("disturbance/progress", at, -float(own.mean()))


def _taus(folder: RunFolder, n_steps: int) -> Iterator[Point]:
    summary = folder.read_record().summary
    for row in summary.get("over_training", []):
        if row.get("tau") is not None:
            yield Point("rank/tau", int(row["step"]), float(row["tau"]))
    if summary.get("tau") is not None:
        yield Point("rank/tau_final", n_steps, float(summary["tau"]))
