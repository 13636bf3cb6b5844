"""The official results: `NAS-Bench-201-v1_0-e61699.pth`, `NAS-Bench-201-v1_1-096897.pth`.

Both hold `{meta_archs, arch2infos: {index: {'less', 'full'}}, evaluated_indexes}`; `less` was
trained for 12 epochs, `full` for 200, and each record says so itself. All data sets, seeds and
splits that are there are read, and nothing is drawn at random.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from harness.errors import TruthError
from harness.truth.importers.base import Imported, ImportOptions
from harness.truth.importers.nb201.records import (
    ArchRecord,
    check_missing,
    check_order,
    count_lacking,
    to_frame,
)
from harness.truth.importers.nb201.streams import read_stream
from harness.truth.importers.pickles import is_torch

_PARTS = ("meta_archs", "arch2infos", "evaluated_indexes")


def is_official(path: Path, start: bytes) -> bool:
    """Say whether a file is one of torch's that begins as the official ones do."""
    return path.is_file() and is_torch(start) and _PARTS[0].encode() in start


def read_official(path: Path, options: ImportOptions) -> Imported:
    """Read an official `.pth`, one record at a time.

    Args:
        path: The file.
        options: What the caller asks for.

    Returns:
        Its rows.

    Raises:
        TruthError: If it is damaged, names a class that results have no use for, has another
            structure, space or order of architectures, or lacks records.
    """
    if not path.is_file():
        raise TruthError(f"'{path}' is not a file. Give the path of the official .pth.")
    name = str(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    content, records = read_stream(path, options.watch, options.curve_epochs)
    for part in _PARTS:
        if not isinstance(content, dict) or part not in content:
            raise TruthError(
                f"{name}: '{part}' is missing. The official file holds {', '.join(_PARTS)}; "
                "give NAS-Bench-201-v1_1-096897.pth, and compare its checksum."
            )
    strings = check_order(content["meta_archs"], name)
    found = _check_places(content["arch2infos"], records, name)
    wanted = _check_indices(content["evaluated_indexes"], len(strings), name)
    missing = sorted(wanted - found)
    without = check_missing(missing, len(wanted), options.allow_missing, name)
    return Imported(to_frame(records), digest, [without, count_lacking(records)])


def _check_places(infos: Any, records: list[ArchRecord], name: str) -> set[int]:
    """Check that each record lies at its own index; return the indices that have any row."""
    problem = f"{name}: 'arch2infos' is not a table of records by index"
    advice = "Give a file that the benchmark's authors published, and compare its checksum."
    if not isinstance(infos, dict):
        raise TruthError(f"{problem}. {advice}")
    for index, schedules in infos.items():
        if not isinstance(schedules, dict):
            raise TruthError(f"{problem}: at {index!r:.40} there is no such table. {advice}")
        for schedule, state in schedules.items():
            place = state.get("record") if isinstance(state, dict) else None
            if place is None or records[place].nb201_index != index:
                raise TruthError(
                    f"{problem}: at {index!r:.40}, '{schedule}', there is that of "
                    f"{'none' if place is None else records[place].nb201_index}. {advice}"
                )
    return {record.nb201_index for record in records if record.rows}


def _check_indices(evaluated: Any, n_archs: int, name: str) -> set[int]:
    """Check the indices of the architectures that the file says it has."""
    indices = set(evaluated) if isinstance(evaluated, set | list | tuple) else set()
    bad = [i for i in indices if type(i) is not int or not 0 <= i < n_archs]
    if bad or not indices:
        shown = f"{bad[0]!r:.40} is not one" if bad else "there are none"
        raise TruthError(
            f"{name}: 'evaluated_indexes' should be indices from 0 to {n_archs - 1}, but {shown}. "
            "The file is damaged or of another kind; get it again."
        )
    return indices
