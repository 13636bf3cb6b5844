"""NAS-Bench-Macro's file of results: a JSON object of architectures.

`{"02012100": {"test_acc": [three percentages], "mean_acc": ..., "std": ..., "params": ...,
"flops": ...}, ...}` in no order. The strings of one network have the same numbers.

Reference: Su et al., 2021, arXiv 2103.11922.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ArchError, DataError, TruthError
from harness.scores.files import parse_json
from harness.scores.source import read_source
from harness.spaces import load_space
from harness.spaces.macro.cost import BENCHMARK_SHAPE, count
from harness.spaces.macro.encoding import N_ARCHS, Arch, parse_arch
from harness.truth.importers.base import Imported, ImportOptions, LeftOut
from harness.truth.table import NOTES_KEY

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = 50
NOTES = (
    "NAS-Bench-Macro: each accuracy is that of a training's best epoch on the test images, so it "
    "is a little too high.",
    "NAS-Bench-Macro has no validation split: a choice made on this truth is made on test images.",
)
"""What every figure of this truth carries."""

_START = re.compile(rb'\s*\{\s*"[0-2]{8}"\s*:\s*\{\s*"test_acc"')
_N_IMAGES = 10_000
_OFF_GRID = 0.1
"""Images that an accuracy may be off a whole number of them; the file's are in float32."""


def is_results(path: Path, start: bytes) -> bool:
    """Say whether a file begins as the published one does."""
    return path.is_file() and _START.match(start) is not None


def read_results(path: Path, options: ImportOptions) -> Imported:
    """Read the published file.

    Args:
        path: The file.
        options: What the caller asks for.

    Returns:
        Its rows, three of each string; seeds are not known. The notes for reports are among the
        metadata.

    Raises:
        TruthError: If it cannot be read, is not such a file, a record is damaged, is of another
            space or contradicts one of the same network, or architectures are missing.
    """
    name = str(path)
    try:
        source = read_source(path)
        content = parse_json(source)
    except DataError as error:
        raise TruthError(str(error)) from error
    if not isinstance(content, Mapping):
        raise _malformed(name, "it is not an object of architectures")
    accuracies: dict[Arch, tuple[float, ...]] = {}
    for text, record in content.items():
        arch = _read_arch(text, name)
        accuracies[arch] = _read_record(record, arch, f"{name}, architecture {arch}")
        options.watch(len(accuracies), len(content))
    _check_names(accuracies, name)
    missing = _check_missing(accuracies, options.allow_missing, name)
    metadata = {"licence": "Apache-2.0", NOTES_KEY: "\n".join(NOTES)}
    digest = hashlib.sha256(source.content).hexdigest()
    space = load_space("macro")
    return Imported(_to_frame(accuracies), digest, [missing], metadata, space)


def _read_arch(text: str, name: str) -> Arch:
    try:
        arch = parse_arch(text)
    except ArchError as error:
        raise _malformed(name, str(error)) from error
    if str(arch) != text:
        raise _malformed(name, f"there are blanks around '{text.strip()}'")
    return arch


def _read_record(record: Any, arch: Arch, where: str) -> tuple[float, ...]:
    """Return the accuracies of an architecture, percent, after checking its whole record."""
    found = record.get("test_acc") if isinstance(record, Mapping) else None
    if not isinstance(found, Sequence) or isinstance(found, str) or not found:
        raise _malformed(where, "there is no list 'test_acc' of accuracies")
    cost = (record.get("params"), record.get("flops"))
    if cost != count(arch, BENCHMARK_SHAPE):
        raise _malformed(where, f"'params' and 'flops' are {cost!r:.60}, not those of the network")
    return tuple(_snap(value, where) for value in found)


def _snap(value: Any, where: str) -> float:
    """Round an accuracy in percent to what the test images can give."""
    is_percentage = type(value) in (int, float) and 0 <= value <= 100
    n = value * _N_IMAGES / 100 if is_percentage else math.nan
    if not is_percentage or abs(n - round(n)) > _OFF_GRID:
        raise _malformed(where, f"{value!r:.40} is not a percentage of {_N_IMAGES:,} images")
    return round(n) * 100 / _N_IMAGES


def _check_names(accuracies: Mapping[Arch, tuple[float, ...]], name: str) -> None:
    """Refuse strings of one network with different accuracies."""
    for arch, values in accuracies.items():
        same = arch.trained_as
        if accuracies.get(same, values) != values:
            raise _malformed(name, f"{arch} and {same} are one network, with different accuracies")


def _check_missing(accuracies: Mapping[Arch, Any], may_miss: bool, name: str) -> LeftOut:
    n = N_ARCHS - len(accuracies)
    if n and not may_miss:
        raise TruthError(
            f"{name} has {len(accuracies):,} of the {N_ARCHS:,} architectures. Get the whole file "
            "with 'harness data fetch macro', or import what is there with --allow-missing."
        )
    sentence = f"{n:,} architectures of {name} are missing."
    return LeftOut("n_missing_archs", n, sentence)


def _to_frame(accuracies: Mapping[Arch, tuple[float, ...]]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (str(arch), trial, value)
        for arch, values in accuracies.items()
        for trial, value in enumerate(values)
    ]
    frame = pd.DataFrame(rows, columns=["arch", "trial", "accuracy"])
    return frame.assign(space="macro", dataset="cifar10", split="test", epochs=EPOCHS, seed=-1)


def _malformed(where: str, problem: str) -> TruthError:
    return TruthError(
        f"{where}: this is not what NAS-Bench-Macro's file holds: {problem}. Get it again with "
        "'harness data fetch macro'; other tables are imported with --as rows."
    )
