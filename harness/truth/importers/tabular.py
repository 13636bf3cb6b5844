"""Rows of one's own: CSV, JSON, Parquet, plain pickles and torch files.

One row is one network that was trained. Columns: the architecture, in any form of its space
(`Space.forms`); `dataset`; `split` ("valid" or "test"); `epochs`; `accuracy` in percent; perhaps
`space`; and `seed` and `trial`, which `completion` fills in where they are left out. Other names
are mapped (`mapping`). What JSON, pickles and torch files may hold, `harness.scores.contents` says.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import DataError, TruthError
from harness.scores.cells import check_names
from harness.scores.contents import ARCH, tabulate
from harness.scores.files import read_table
from harness.scores.source import KINDS, Source
from harness.spaces import Space, load_space
from harness.spaces.lookup import (
    INDEX_COLUMN,
    SPACE_COLUMN,
    arch_columns,
    settle_space,
    space_of_rows,
)
from harness.truth.importers.base import Imported, ImportOptions, LeftOut
from harness.truth.importers.completion import (
    complete_rows,
    drop_repeats,
    find_arch_columns,
    name_archs,
    scale_accuracies,
)
from harness.truth.importers.mapping import apply_maps
from harness.truth.importers.pickles import SAFE, is_torch, load_pickle, load_torch, refuse_damage
from harness.truth.rows import COLUMNS
from harness.truth.table import load_table, split_metadata

START_BYTES = 4_096
"""How much of a file it takes to know its format."""

PICKLE, TORCH = "pickle", "torch"
_KINDS = KINDS | dict.fromkeys((".p", ".pkl", ".pickle"), PICKLE)
"""By the end of a file's name."""

_TEXTS = ["dataset", "split"]
_ARCHS = (*arch_columns(load_space()).names, INDEX_COLUMN, ARCH)
_NAMES = (*_ARCHS, *COLUMNS, SPACE_COLUMN)
"""Columns of the rows of whichever space."""

_MOST_BYTES = 2**30
"""Of a pickle or a torch file: rows are far smaller, and objects take more than their bytes."""


def is_rows(path: Path, start: bytes) -> bool:
    """Say whether a file is plainly one of rows, by its first bytes and its name."""
    return path.is_file() and kind_of(path, start) not in (None, PICKLE, TORCH)


def kind_of(path: Path, start: bytes) -> str | None:
    """Find the kind of a file that may hold rows by its first bytes and its name."""
    begin = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    first_line = begin.split(b"\n", 1)[0]
    if start.startswith(b"PAR1"):
        return "parquet"
    if is_torch(start):
        return TORCH
    if path.suffix.lower() in _KINDS:
        return _KINDS[path.suffix.lower()]
    if begin.startswith((b"[", b"{")):
        return "json"
    if start.startswith(b"\x80"):
        return PICKLE
    return "csv" if any(name.encode() in first_line for name in _NAMES) else None


def read_rows(path: Path, options: ImportOptions) -> Imported:
    """Read a file of rows.

    Args:
        path: The file.
        options: What the caller asks for.

    Returns:
        Its rows, with all columns, each key once.

    Raises:
        TruthError: If it is damaged, empty, of another space or not a file of rows; a column is
            missing, an architecture unknown or its form unclear; rows disagree; or all accuracies
            look like fractions.
    """
    name = str(path)
    if not path.is_file():
        raise TruthError(f"'{path}' is not a file. Rows are in one file.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TruthError(f"{name} cannot be read: {error.strerror or error}.") from error
    if not content.strip():
        raise TruthError(f"{name} is empty. A truth table has one row per trained network.")
    try:
        df, metadata, space = _read(path, content, options)
    except DataError as error:
        raise TruthError(str(error)) from error
    if df.empty:
        raise TruthError(f"{name}: there are no rows. A truth table has one per trained network.")
    space = settle_space(space_of_rows(df, name, TruthError), space, name, TruthError)
    named = find_arch_columns(df, name, space, options.arch_column)
    df, n_empty = apply_maps(df, options.maps, named, name)
    df = name_archs(_read_numbers(df), named, options.arch_form, name, space)
    df = complete_rows(df, name, space)
    df = scale_accuracies(df, options.accuracy_scale, name)
    kept = drop_repeats(df, name, space)
    n_dropped = len(df) - len(kept)
    repeated = f"{n_dropped:,} rows of {name} repeat another exactly, and were dropped."
    empty = f"{n_empty:,} cells of the mapped columns of {name} are empty; they have no row."
    left_out = [
        LeftOut("n_dropped_duplicates", n_dropped, repeated),
        LeftOut("n_empty_cells", n_empty, empty),
    ]
    if options.maps:
        metadata |= {"maps": json.dumps(list(options.maps))}
    return Imported(kept, hashlib.sha256(content).hexdigest(), left_out, metadata, space)


def _read(
    path: Path, content: bytes, options: ImportOptions
) -> tuple[pd.DataFrame, dict[str, str], Space | None]:
    """Read the harness's own tables, which are checked against their hash, and other files."""
    kind, name, space = kind_of(path, content[:START_BYTES]), str(path), options.space
    own: dict[str, str] = {}
    metadata: dict[str, str] = {}
    if kind == "parquet":
        with contextlib.suppress(pa.ArrowException, OSError, ValueError):  # told by the reader
            own, metadata = split_metadata(pq.read_schema(path))
    if "schema" in own:
        table = load_table(path, space)
        return table.rows, table.metadata, table.space
    if "space" in own:
        space = settle_space(own["space"], space, name, TruthError)
    if kind in (PICKLE, TORCH):
        if len(content) > _MOST_BYTES:
            raise TruthError(f"{name}: rows are read from pickles of up to {_MOST_BYTES:,} bytes.")
        load = load_torch if kind == TORCH else load_pickle
        with refuse_damage(name):
            df = tabulate(load(content, SAFE, name), space or load_space(), name)
            cells = itertools.chain(df.columns, *(df[column] for column in df))
            "".join(cell for cell in cells if isinstance(cell, str)).encode()  # no half characters
    elif kind is None:
        raise TruthError(
            f"{path}: this is not a file of rows, by its name or by how it begins. Rows are read "
            f"from {', '.join(_KINDS)} and .pt files; rename it to what it is."
        )
    else:
        df = _choose(read_table(Source(name, content, kind), space), options, name)
    return df, metadata, space


def _choose(df: pd.DataFrame, options: ImportOptions, name: str) -> pd.DataFrame:
    """Take the columns of the schema where a table has them all, else all that it has."""
    names = list(df.columns)
    known = [each for each in dict.fromkeys(names) if each in _NAMES]
    check_names(names, known, name)
    is_whole = {*_TEXTS, "epochs", "accuracy"} <= set(known) and {*_ARCHS} & set(known)
    if is_whole and not options.maps and options.arch_column is None:
        return df[known]
    count = Counter(names)
    return df[[each for each in names if count[each] == 1]]


def _read_numbers(df: pd.DataFrame) -> pd.DataFrame:
    """Read texts as numbers in the columns where all cells are numbers."""
    for name in df.columns.intersection(["epochs", "trial", "seed", "accuracy"]):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            if name == "accuracy":  # the nearest number; pandas may read one beside it
                df[name] = df[name].map(float, na_action="ignore")
            df[name] = pd.to_numeric(df[name])
    for name in df.columns.intersection(_TEXTS):
        df[name] = df[name].map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    return df
