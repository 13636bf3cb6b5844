"""The journal of a ranking: what is known of each class on each part of the images."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.estimators.supernet.measuring import BatchSums
from harness.estimators.supernet.readout import ReadoutSums
from harness.files.journal import Journal, JournalRow
from harness.settings.run import READOUTS, RunConfig

FLUSH_EVERY_S = 1.0
FORMAT = 4
"""Raised whenever the rows change, or the scores made of them: one row for each part of the images
and class (format 1: for each class), by either readout (format 2: by one), with the class means in
the refitted readout's hits (format 3: without)."""


def open_journal(path: Path, config: RunConfig, weights_sha256: str) -> Journal:
    """Open the journal of a ranking, tied to the settings and to the weights ranked with.

    Args:
        path: The file.
        config: The run's configuration.
        weights_sha256: Hash of the supernet's weights.

    Returns:
        The journal.

    Raises:
        DataError: If the file belongs to other settings or other weights.
    """
    header = {"config_sha256": config.sha256, "weights_sha256": weights_sha256}
    return Journal(path, {**header, "format": FORMAT})


class Ledger:
    """The rows of a ranking's journal by kind; new rows are written in batches.

    Attributes:
        sums: By (part, class index); losses that were not finite are NaN.
        precision: The outcome of the comparison of bf16 with float32; None before it.
        rounds: Seconds spent when each round was over, by number of parts.
    """

    def __init__(self, journal: Journal) -> None:
        """Sort the rows that the journal has.

        Raises:
            DataError: If a row is not a row of a ranking.
        """
        self._journal = journal
        self._pending: list[JournalRow] = []
        self._flushed = time.monotonic()
        self.sums: dict[tuple[int, int], ReadoutSums] = {}
        self.precision: dict[str, Any] | None = None
        self.rounds: dict[int, float] = {}
        for number, row in enumerate(journal.rows, start=2):
            if not _is_known(row):
                raise DataError(
                    f"{journal.path}, line {number}: {str(row)[:80]!r} is not a row of a ranking. "
                    "Remove the file and run the same command again: the ranking starts over."
                )
            self._sort(row)

    def add_sums(self, part: int, class_index: int, sums: ReadoutSums) -> None:
        """Record the sums of a class; they are on disk within about a second."""
        row: JournalRow = {"part": part, "class_index": class_index}
        for readout, (loss, correct) in sums._asdict().items():
            row[readout] = [loss if math.isfinite(loss) else None, correct]
        self._pending.append(row)
        self._sort(row)
        if time.monotonic() - self._flushed > FLUSH_EVERY_S:
            self.flush()

    def add(self, row: JournalRow) -> None:
        """Record another row, and write it at once."""
        self._pending.append(row)
        self._sort(row)
        self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if self._pending:
            self._journal.append(self._pending)
        self._pending, self._flushed = [], time.monotonic()

    def _sort(self, row: JournalRow) -> None:
        if "precision" in row:
            self.precision = row
        elif "round" in row:
            self.rounds[row["round"]] = row["seconds"]
        else:
            found = {
                name: BatchSums(math.nan if loss is None else loss, correct)
                for name, (loss, correct) in ((name, row[name]) for name in READOUTS)
            }
            self.sums[row["part"], row["class_index"]] = ReadoutSums(**found)


def _is_known(row: JournalRow) -> bool:
    """Say whether a row is one of those that a ledger writes."""
    if "precision" in row:
        return row["precision"] in ("bf16", "float32")
    if "round" in row:
        return _is_count(row["round"]) and _is_number(row.get("seconds"))
    counts = (row.get("part"), row.get("class_index"))
    return all(map(_is_count, counts)) and all(_are_sums(row.get(name)) for name in READOUTS)


def _are_sums(value: object) -> bool:
    """Say whether a value is a loss, or null for one that was not finite, and a count of hits."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    loss, correct = value
    return (loss is None or _is_number(loss)) and _is_count(correct)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) < math.inf  # NaN is not below it either
