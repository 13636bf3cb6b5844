"""Rows of one's own: CSV, JSON, Parquet, plain pickles and torch files.

One row is one network that was trained. Columns: the architecture, in any form of its space
(`Space.forms`); `dataset`; `split` ("valid" or "test"); `epochs`; `accuracy` in percent; perhaps
`space`; and `seed` and `trial`, which `completion` fills in where they are left out. Other names
are mapped (`mapping`). Files are those that `harness.scores` reads, and pickles and torch files.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import DataError, TruthError
from harness.scores.archs import find_archs
from harness.scores.cells import check_names
from harness.scores.contents import ARCH, tabulate
from harness.scores.files import read_table
from harness.scores.source import KINDS, PICKLES, read_source
from harness.spaces import Space, load_space
from harness.spaces.lookup import INDEX_COLUMN, SPACE_COLUMN, settle_space, space_of_rows
from harness.truth.importers.base import Imported, ImportOptions, LeftOut
from harness.truth.importers.completion import (
    check_archs,
    complete_rows,
    drop_repeats,
    scale_accuracies,
)
from harness.truth.importers.mapping import apply_maps
from harness.truth.importers.pickles import SAFE, is_torch, load_pickle, load_torch, refuse_damage
from harness.truth.metric import ACCURACY, PERCENT
from harness.truth.parquet import split_metadata
from harness.truth.rows import COLUMNS
from harness.truth.table import load_table

START_BYTES = 4_096
"""How much of a file it takes to know its format."""

_TEXTS = ("dataset", "split")
_NUMBERS = ("epochs", "trial", "seed", "accuracy")
_NAMES = (*COLUMNS, SPACE_COLUMN, INDEX_COLUMN, ARCH)
"""Columns of the rows of whichever space."""

_MOST_BYTES = 2**30
"""Of a pickle or a torch file: rows are far smaller, and objects take more than their bytes."""


def is_rows(path: Path, start: bytes) -> bool:
    """Say whether a file is plainly one of rows, by its first bytes and its name."""
    begin = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    named = any(name.encode() in begin.split(b"\n", 1)[0] for name in _NAMES)
    is_plain = (
        named
        or begin.startswith((b"PAR1", b"[", b"{"))
        or not KINDS.keys().isdisjoint(suffix.lower() for suffix in path.suffixes[-2:])
    )
    return path.is_file() and is_plain and not start.startswith(b"\x80")


def is_pickled(path: Path, start: bytes) -> bool:
    """Say whether a file is a pickle or a torch file, which may hold rows or anything else."""
    is_named = path.suffix.lower() in PICKLES and not start.startswith(b"PAR1")
    return path.is_file() and (is_named or start.startswith(b"\x80") or is_torch(start))


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
        df, metadata, space = _read(path, options.space)
        check_names(list(df.columns), _NAMES, name)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (DataError, OSError) as error:
        raise TruthError(str(error)) from error
    if df.empty:
        raise TruthError(f"{name}: there are no rows. A truth table has one per trained network.")
    df = df.loc[:, ~df.columns.duplicated(keep=False)]
    space = settle_space(space_of_rows(df, name, TruthError), space, name, TruthError)
    archs = find_archs(
        df,
        space,
        name,
        column=options.arch_column,
        form=options.arch_form,
        skip={SPACE_COLUMN, *_TEXTS, *_NUMBERS},
        error=TruthError,
    )
    named = check_archs(df, archs, name, space)
    df, n_empty = apply_maps(df, options.maps, named, name, archs.columns)
    df = complete_rows(_read_numbers(df), name, space)
    metric = options.metric or ACCURACY
    if metric.unit == PERCENT or options.accuracy_scale is not None:
        df = scale_accuracies(df, options.accuracy_scale, name)
    kept = drop_repeats(df, name, space)
    if metric != ACCURACY:
        kept = kept.rename(columns={"accuracy": "value"}).assign(metric=metric.name)
    n_dropped = len(df) - len(kept)
    repeated = f"{n_dropped:,} rows of {name} repeat another exactly, and were dropped."
    empty = f"{n_empty:,} cells of the mapped columns of {name} are empty; they have no row."
    left_out = [
        LeftOut("n_dropped_duplicates", n_dropped, repeated),
        LeftOut("n_empty_cells", n_empty, empty),
    ]
    if options.maps:
        metadata |= {"maps": json.dumps(list(options.maps))}
    return Imported(kept, digest, left_out, metadata, space, archs.notes, (metric,))


def _read(path: Path, space: Space | None) -> tuple[pd.DataFrame, dict[str, str], Space | None]:
    """Read the harness's own tables, which are checked against their hash, and other files."""
    name = str(path)
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    if is_pickled(path, start):
        return _read_pickle(path, is_torch(start), space or load_space()), {}, space
    own: dict[str, str] = {}
    metadata: dict[str, str] = {}
    if start.startswith(b"PAR1"):
        with contextlib.suppress(pa.ArrowException, OSError, ValueError):  # told by the reader
            own, metadata = split_metadata(pq.read_schema(path))
    if "schema" in own:
        table = load_table(path, space)
        return table.rows, table.metadata, table.space
    if "space" in own:
        space = settle_space(own["space"], space, name, TruthError)
    source = read_source(path)
    if not source.content.strip():
        raise TruthError(f"{name} is empty. A truth table has one row per trained network.")
    return read_table(source, space), metadata, space


def _read_pickle(path: Path, is_torch: bool, space: Space) -> pd.DataFrame:
    name = str(path)
    if path.stat().st_size > _MOST_BYTES:
        raise TruthError(f"{name}: rows are read from pickles of up to {_MOST_BYTES:,} bytes.")
    with refuse_damage(name):
        load = load_torch if is_torch else load_pickle
        df = tabulate(load(path.read_bytes(), SAFE, name), space, name)
        cells = itertools.chain(df.columns, *(df[column] for column in df))
        "".join(cell for cell in cells if isinstance(cell, str)).encode()  # no half characters
    return df


def _read_numbers(df: pd.DataFrame) -> pd.DataFrame:
    """Read texts as numbers in the columns where all cells are numbers."""
    for name in df.columns.intersection(list(_NUMBERS)):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            if name == "accuracy":  # the nearest number; pandas may read one beside it
                df[name] = df[name].map(float, na_action="ignore")
            df[name] = pd.to_numeric(df[name])
    for name in df.columns.intersection(list(_TEXTS)):
        df[name] = df[name].map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    return df
