"""What every importer takes and gives."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from harness.monitor import Watch, watch_nothing
from harness.truth.columns import ONLY_ACCURACY, Metrics
from harness.truth.metric import TruthMetric

if TYPE_CHECKING:
    import pandas as pd

    from harness.spaces import Space


@dataclass(frozen=True)
class ImportOptions:
    """What a caller may ask of an importer.

    Attributes:
        space: The space of the results; None for the one that rows name, or `DEFAULT`.
        watch: Told how much is read: in bytes or files, depending on the format.
        allow_missing: Import what is there where architectures lack their records.
        accuracy_scale: What to multiply the accuracies of rows by; None for percent, which is then
            checked to be no fraction.
        arch_column: The column of rows that names the architectures; None to find it.
        arch_form: Its form, a key of `Space.forms`; None to find it.
        curve_epochs: Epochs before the end of published trainings whose accuracies are kept too.
        maps: What columns of rows stand for, as `parse_map` makes them.
        metric: What rows measure; None for accuracy.
    """

    space: Space | None = None
    watch: Watch = watch_nothing
    allow_missing: bool = False
    accuracy_scale: float | None = None
    arch_column: str | None = None
    arch_form: str | None = None
    curve_epochs: Collection[int] = ()
    maps: Sequence[Mapping[str, str]] = ()
    metric: TruthMetric | None = None


class LeftOut(NamedTuple):
    """What an importer left out.

    Attributes:
        name: What it is called in the table's metadata.
        n: How often it occurred, perhaps never.
        sentence: What the user is told if it occurred.
    """

    name: str
    n: int
    sentence: str


class Imported(NamedTuple):
    """What an importer read.

    Attributes:
        rows: With the columns of a truth table; checked when they become one.
        sha256: Hash of the source, hexadecimal; "" of an object in memory.
        left_out: What was left out.
        metadata: What the source says of itself, kept in the table's metadata.
        space: The space of the rows; None for `DEFAULT`.
        notes: What was decided in reading that may surprise, in sentences.
        metrics: What the rows measure, ascending by name.
    """

    rows: pd.DataFrame
    sha256: str
    left_out: Sequence[LeftOut] = ()
    metadata: Mapping[str, str] = MappingProxyType({})
    space: Space | None = None
    notes: Sequence[str] = ()
    metrics: Metrics = ONLY_ACCURACY


def hash_listing(hashes: Mapping[str, str]) -> str:
    """Hash several files as one.

    Args:
        hashes: Hashes of the files by name, hexadecimal.

    Returns:
        The SHA-256 of the lines "name hash", in the order of the names.
    """
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
