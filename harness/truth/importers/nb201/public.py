"""The six small public tables of NAS-Bench-201's results become one truth table.

Together they hold what the official 4.7 GB file says of final accuracies, in 7.5 MB:

- three files of validation accuracies at 200 epochs, by architecture and trial;
- one of `100 - accuracy` of the same trials, on validation and test images together for CIFAR-100
  and ImageNet16-120, so that test = 2 * both - validation;
- one of CIFAR-10 test accuracies at 200 epochs, of one to three trials;
- one of accuracies at 12 epochs.

What is an assumption: the trials of a list are those of seeds 777, 888 and 999 in this order. A
list of CIFAR-10 test accuracies that is shorter than the architecture's validation list does not
say which is missing, so its seeds are unknown (-1). The 12-epoch rows are labelled 777.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import TruthError
from harness.spaces import load_space
from harness.spaces.lookup import strings_of_keys
from harness.spaces.nb201.encoding import N_ARCHS
from harness.truth.importers.base import Imported, ImportOptions, hash_listing
from harness.truth.importers.nb201 import public_files as files
from harness.truth.importers.nb201.public_files import TABLES, FloatArray, PublicTable, Ragged

if TYPE_CHECKING:
    import pandas as pd

SEEDS = (777, 888, 999)
UNKNOWN_SEED = -1
LONG, SHORT = 200, 12
"""Epochs."""


class SplitGroup(NamedTuple):
    """What a row says besides its architecture, trial and accuracy.

    Attributes:
        dataset: The table's spelling.
        split: "valid" or "test".
        steps: Accuracies are multiples of 100 / steps percent: the images of the split.
        epochs: Length of training.
    """

    dataset: str
    split: str
    steps: int
    epochs: int = LONG


C10_TEST = SplitGroup("cifar10", "test", 10_000)
C100_TEST = SplitGroup("cifar100", "test", 5_000)
IN16_TEST = SplitGroup("ImageNet16-120", "test", 3_000)

_VALID = {
    files.C10_VALID: SplitGroup("cifar10-valid", "valid", 25_000),
    files.C100_VALID: SplitGroup("cifar100", "valid", 5_000),
    files.IN16_VALID: SplitGroup("ImageNet16-120", "valid", 3_000),
}
_SHORT = {
    "cifar10-test": C10_TEST,
    # Half of these lie between two multiples of 1 / 25,000, as means of two trainings would.
    "cifar10-val": SplitGroup("cifar10-valid", "valid", 50_000),
    "cifar100-test": C100_TEST,
    "cifar100-val": _VALID[files.C100_VALID],
    "imagenet-test": IN16_TEST,
    "imagenet-val": _VALID[files.IN16_VALID],
}

_OFF_GRID = 0.01
"""In steps; what float32 and differences of means leave is under 2e-5."""
_SAME_PCT = 1e-6


def is_public(path: Path, _start: bytes = b"") -> bool:
    """Say whether a path is a folder of the six files."""
    return path.is_dir() and all((path / table.file).is_file() for table in TABLES)


def read_public(
    path: Path, _options: ImportOptions | None = None, tables: Sequence[PublicTable] = TABLES
) -> Imported:
    """Read the six files.

    Args:
        path: The folder where they lie, by their published names.
        tables: What they are; only tests give others.

    Returns:
        Rows sorted by data set, split, epochs, architecture and trial; the files' repositories,
        commits, licences and hashes are metadata.

    Raises:
        TruthError: If a file is missing, is not the published one, names anything but plain data,
            or does not fit the others.
    """
    import pandas as pd

    contents = {table.file: files.read_verified(path / table.file, table) for table in tables}
    parts = [*_long_rows(contents), *_short_rows(contents[files.SHORT])]
    order = ["dataset", "split", "epochs", "nb201_index", "trial"]
    frame = pd.concat(parts, ignore_index=True).sort_values(order, ignore_index=True)
    frame["arch_str"] = strings_of_keys(frame["nb201_index"].to_numpy(), load_space("nb201"))
    known = {"files": json.dumps([asdict(table) for table in tables])}
    return Imported(frame, hash_listing({each.file: each.sha256 for each in tables}), (), known)


def _long_rows(contents: Mapping[str, bytes]) -> list[pd.DataFrame]:
    """Return the rows at 200 epochs, a frame for each group."""
    valid = {file: files.parse_trials(contents[file], file) for file in _VALID}
    counts = valid[files.C10_VALID].counts
    for file in _VALID:
        if not np.array_equal(valid[file].counts, counts):
            raise files.unfit(file, "an architecture has another number of trials")
    both = files.parse_losses(contents[files.LOSSES], int(counts.sum()))
    gap = np.abs(both[files.C10_VALID] - valid[files.C10_VALID].accuracy)
    if not (gap <= _SAME_PCT).all():
        raise files.unfit(files.LOSSES, "they give one trial two accuracies")
    test = files.parse_trials(contents[files.C10_TEST], files.C10_TEST)
    if (test.counts > counts).any():
        raise files.unfit(files.C10_TEST, "an architecture has more trials")
    parts = [_make_rows(group, valid[file]) for file, group in _VALID.items()]
    for file, group in ((files.C100_VALID, C100_TEST), (files.IN16_VALID, IN16_TEST)):
        parts.append(_make_rows(group, Ragged(counts, 2 * both[file] - valid[file].accuracy)))
    return [*parts, _make_rows(C10_TEST, test, are_seeds_known=test.counts == counts)]


def _short_rows(content: bytes) -> list[pd.DataFrame]:
    """Return the rows at 12 epochs, a frame for each group."""
    columns = files.parse_short(content, tuple(_SHORT))
    ones = np.ones(N_ARCHS, dtype=np.int64)
    return [
        _make_rows(group._replace(epochs=SHORT), Ragged(ones, columns[name]))
        for name, group in _SHORT.items()
    ]


def _make_rows(
    group: SplitGroup, trials: Ragged, are_seeds_known: npt.NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    import pandas as pd

    counts = trials.counts
    trial = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    seed = np.array(SEEDS)[trial]
    if are_seeds_known is not None:
        seed = np.where(np.repeat(are_seeds_known, counts), seed, UNKNOWN_SEED)
    return pd.DataFrame(
        {
            "nb201_index": np.repeat(np.arange(N_ARCHS), counts),
            "dataset": group.dataset,
            "split": group.split,
            "epochs": group.epochs,
            "trial": trial,
            "seed": seed,
            "accuracy": _snap(trials.accuracy, group),
        }
    )


def _snap(accuracy: FloatArray, group: SplitGroup) -> FloatArray:
    """Round accuracies, [trial], to what the images of the split can give."""
    exact = accuracy * group.steps / 100
    off = np.abs(exact - exact.round())
    is_bad = ~(off <= _OFF_GRID)  # written so that a NaN, too, is bad
    if is_bad.any():
        raise TruthError(
            f"The public tables give {group.dataset} {group.split} at {group.epochs} epochs an "
            f"accuracy of {accuracy[is_bad][0]} percent, which is not a multiple of "
            f"1/{group.steps:,}. The files do not fit each other; get all of them again."
        )
    snapped: FloatArray = exact.round() * 100 / group.steps
    return snapped
