"""Reading which architectures somebody's file names, whatever else is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import DataError
from harness.scores.archs import find_archs
from harness.scores.cells import Sieve, check_names, read_texts
from harness.scores.files import parse_json, read_table
from harness.scores.sifting import METHOD, SEED, STATUS, sift_archs
from harness.scores.source import Source, read_source
from harness.spaces import Space
from harness.spaces.lookup import SPACE_COLUMN, settle_space, space_of_rows
from harness.spaces.reading import are_numbers, read_forms

_REMOVAL = "Correct or remove such rows and try again."


def read_archs(path: Path, space: Space) -> tuple[str, ...]:
    """Read the architectures of a file: a table as `read_score_sets` takes it, or a plain list.

    A column of scores may be there or not. A plain list is a text with a string of an architecture
    on each line, and no line of names, or a list of such strings in JSON.

    Args:
        path: A file, as `read_source` takes it.
        space: The space of the architectures.

    Returns:
        Their canonical strings, in the order of the file.

    Raises:
        DataError: If the file cannot be read, is of another space, names no architecture or an
            unknown one, or repeats one, unless in rows of another seed or method.
    """
    source = read_source(path)
    frame = _read_plain(source, space)
    if frame is None:
        frame = read_table(source, space)
    beside = [SPACE_COLUMN, SEED, METHOD, STATUS]
    check_names(list(frame.columns), beside, source.name)
    if frame.empty:
        raise DataError(f"{source.name}: there are no rows. Write one for each architecture.")
    settle_space(space_of_rows(frame, source.name, DataError), space, source.name, DataError)
    archs = find_archs(frame, space, source.name, skip=beside, error=_refuse)
    about = [name for name in (SEED, METHOD) if name in frame]
    shown = list(dict.fromkeys([*(check.column for check in archs.checks), *about]))
    sieve = Sieve(frame[shown], source.name, exclude=False, removal=_REMOVAL)
    sift_archs(archs, sieve)
    rows = pd.DataFrame({name: read_texts(frame[name]) for name in about} | {"": archs.keys})
    repeats = rows.duplicated().to_numpy(dtype=np.bool_)
    sieve.sift(archs.checks[0].column, repeats, "repeated", "repeats an architecture")
    return tuple(space.format(space.at(key)) for key in dict.fromkeys(archs.keys.tolist()))


def _refuse(text: str) -> DataError:
    return DataError(
        f"{text} A list to rank is read without such options; a text with one string of an "
        "architecture on each line can always be read."
    )


def _read_plain(source: Source, space: Space) -> pd.DataFrame | None:
    """Read a plain list; None if it is none: the first entry is no architecture, or a number."""
    entries: Any = []
    if source.kind == "json":
        entries = parse_json(source)
    elif source.kind == "csv":
        text = source.content.decode("utf-8-sig", errors="replace")
        entries = list(filter(None, map(str.strip, text.splitlines())))
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        return None
    column = pd.Series(entries, dtype=object)
    return None if are_numbers(read_forms(column[:1], space), space) else column.to_frame("arch")
