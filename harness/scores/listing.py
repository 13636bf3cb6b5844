"""Reading which architectures somebody's file names, whatever else is in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

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
_NAME = re.compile(r"[\w .()/-]+")


class Listing(NamedTuple):
    """The architectures that a file names.

    Attributes:
        archs: Their canonical strings, in the order of the file.
        notes: What was decided that may surprise, in sentences.
    """

    archs: tuple[str, ...]
    notes: tuple[str, ...]


def read_archs(path: Path, space: Space) -> Listing:
    """Read the architectures of a file: a table as `read_score_sets` takes it, or a plain list.

    A column of scores may be there or not. A plain list is a text with a string of an architecture
    on each line, and no line of names, or a list of such strings in JSON.

    Args:
        path: A file, as `read_source` takes it.
        space: The space of the architectures.

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
    distinct = dict.fromkeys(archs.keys.tolist())
    return Listing(tuple(space.format(space.at(key)) for key in distinct), archs.notes)


def _refuse(text: str) -> DataError:
    """Make an error without the advice to name a column or form, for which there is no option."""
    kept = [part for part in text.removesuffix(".").split(". ") if "--arch-" not in part]
    return DataError(
        f"{'. '.join(kept)}. Keep only the column that names the architectures, or give a text "
        "with one string of an architecture on each line, which can always be read."
    )


def _read_plain(source: Source, space: Space) -> pd.DataFrame | None:
    """Read a plain list; None if it is none: its entries are numbers, or no architectures.

    A first entry that is neither an architecture nor the name of a column is an entry with a
    mistake.
    """
    entries: Any = []
    if source.kind == "json":
        entries = parse_json(source)
    elif source.kind == "csv":
        text = source.content.decode("utf-8-sig", errors="replace")
        lines = (line.strip().strip('"') for line in text.splitlines())
        entries = list(filter(None, lines))
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        return None
    column = pd.Series(entries, dtype=object)
    sure = column[1:] if entries and not _may_name_column(entries[0]) else column[:1]
    is_list = any(not are_numbers(read_forms(part, space), space) for part in (column[:1], sure))
    return column.to_frame("arch") if is_list else None


def _may_name_column(text: str) -> bool:
    """Say whether a text is mostly letters, with nothing that only an architecture has."""
    return bool(_NAME.fullmatch(text)) and 2 * sum(map(str.isalpha, text)) > len(text)
