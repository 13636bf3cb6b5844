"""What TransNAS-Bench-101 measures, and the checks of both public forms and the official file.

All values are of validation images, of one training.

Reference: Duan et al., TransNAS-Bench-101, CVPR 2021, arXiv 2105.11871.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import ArchError, TruthError
from harness.spaces import Space
from harness.truth.columns import LARGEST, ROUNDED_TO
from harness.truth.importers.base import Imported, ImportOptions, LeftOut
from harness.truth.metric import ACCURACY, PERCENT, TruthMetric
from harness.truth.table import NOTES_KEY

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 2**26
"""Of one file, or of one member of an archive unpacked; 1.1 MB are usual."""

SPLIT = "valid"
EPOCHS = {
    **dict.fromkeys(("class_scene", "class_object", "room_layout"), 25),
    **dict.fromkeys(("autoencoder", "normal", "segmentsemantic"), 30),
    "jigsaw": 10,
}
"""Length of the trainings of each task, epochs."""

BEST = {
    **dict.fromkeys(("class_scene", "class_object", "jigsaw"), ACCURACY),
    **dict.fromkeys(("normal", "autoencoder"), TruthMetric("ssim", "")),
    "segmentsemantic": TruthMetric("miou", PERCENT),
    "room_layout": TruthMetric("loss", "", True),
}
"""What the best epoch of each task is measured by."""


def at_final_epoch(metric: TruthMetric) -> TruthMetric:
    """Return what the same is called of the final epoch."""
    return metric._replace(name=f"{metric.name}:final")


FINAL = {
    **{task: at_final_epoch(metric) for task, metric in BEST.items()},
    "segmentsemantic": at_final_epoch(TruthMetric("pixel_accuracy", PERCENT)),
}
"""What its final epoch is measured by in the public form."""

_METRICS = {
    metric.name: metric
    for metric in (*BEST.values(), *map(at_final_epoch, BEST.values()), *FINAL.values())
}

ABSENT = "64-113444-basic"
"""The macro network that the public form of the best epoch lacks."""

NOTES = (
    "TransNAS-Bench-101: one training of each network, measured on validation images; a value of "
    "the best epoch is a little too good.",
)
"""What every figure of this truth carries."""


class Value(NamedTuple):
    """One result: of what, and how good."""

    arch: str
    task: str
    metric: str
    epochs: int
    value: float


def check_value(value: Any, metric: TruthMetric, where: str) -> float:
    """Return a value in its metric's unit and direction, to six decimals, as truth tables have it.

    Losses are published with a minus.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not -LARGEST <= value <= LARGEST:  # nor is NaN
        raise malformed(where, f"{value!r:.40} is no number")
    turned = round(-float(value) if metric.is_lower_better else float(value), ROUNDED_TO)
    if metric.unit == PERCENT and not 0 <= turned <= 100:
        raise malformed(where, f"{turned} is no percentage")
    return turned


def finish(
    values: Iterable[Value], digest: str, space: Space, options: ImportOptions, name: str
) -> Imported:
    """Make rows of values, once architectures and tasks are checked."""
    import pandas as pd

    named = [value._replace(arch=_name(value.arch, space, name)) for value in values]
    rows = pd.DataFrame(named, columns=Value._fields)
    if rows.empty:
        raise TruthError(
            f"{name} has no results of space '{space.name}'. Give the folder of its public files, "
            f"which 'harness data fetch {space.name}' gets."
        )
    twice = rows.duplicated(["arch", "task", "metric"])
    if twice.any():
        raise malformed(name, f"{rows['arch'][twice].iloc[0]} is there twice")
    n = _count_missing(rows, space)
    if n and not options.allow_missing:
        raise TruthError(
            f"{name} lacks {n:,} results of space '{space.name}'. Get all files with 'harness data "
            f"fetch {space.name}', or import what is there with --allow-missing."
        )
    frame = rows.rename(columns={"task": "dataset"}).assign(
        space=space.name, split=SPLIT, trial=0, seed=-1
    )
    return Imported(
        frame,
        digest,
        [LeftOut("n_missing_results", n, f"{n:,} results of {name} are missing.")],
        {NOTES_KEY: "\n".join(NOTES)},
        space,
        metrics=tuple(_METRICS[each] for each in sorted(set(frame["metric"]))),
    )


def _count_missing(rows: pd.DataFrame, space: Space) -> int:
    """Count the results that are missing, but for the one that was never published."""
    n_each = rows.groupby(["task", "metric"])["arch"].nunique()
    absent = 0
    if kind_of(space) == "macro":
        is_best = ~rows["metric"].str.endswith(":final")
        has = is_best & (rows["arch"] == ABSENT)
        absent = rows["task"][is_best].nunique() - rows["task"][has].nunique()
    return int(len(n_each) * (space.size or 0) - n_each.sum() - absent)


def _name(text: str, space: Space, name: str) -> str:
    """Return the benchmark's string of an architecture in any form of its space."""
    form = "digits" if text[:1] in "([" else "string"
    try:
        return space.format(space.forms[form].read(text))
    except ArchError as error:
        raise malformed(name, str(error)) from error


def kind_of(space: Space) -> str:
    """Return what the benchmark calls a space: "micro" or "macro"."""
    return space.name.removeprefix("transnas-")


def read_file(file: Path, most: int = MOST_BYTES) -> bytes:
    """Read a file of at most so many bytes.

    Raises:
        TruthError: If it is larger, or cannot be read.
    """
    try:
        if file.stat().st_size > most:
            raise TruthError(f"{file}: results take at most {most:,} bytes. Get it again.")
        return file.read_bytes()
    except OSError as error:
        raise TruthError(f"{file} cannot be read: {error.strerror or error}.") from error


def malformed(where: str, problem: str) -> TruthError:
    """Make the error for a file that is not as it was published."""
    return TruthError(
        f"{where}: this is not what TransNAS-Bench-101's files hold: {problem}. Get it again with "
        "'harness data fetch transnas-micro' or 'transnas-macro'."
    )
