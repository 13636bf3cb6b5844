"""Rows of one's own: CSV, JSON and Parquet in the schema of truth tables.

One row is one network that was trained. Columns: `nb201_index` (the published order) or
`arch_str`, or both; in any other space `arch_index` or `arch`, and perhaps `space`; `dataset`;
`split` ("valid" or "test"); `epochs`; `accuracy` in percent; and `seed` and `trial`, which
`harness.truth.importers.completion` fills in where they are left out.

JSON is a list of objects, one a row; or one object a line; or an object whose `rows` is the list.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import DataError, TruthError
from harness.scores.files import READERS, read_frame
from harness.spaces import Space, load_space
from harness.spaces.lookup import (
    INDEX_COLUMN,
    SPACE_COLUMN,
    arch_columns,
    settle_space,
    space_of_rows,
)
from harness.truth.importers.base import Imported, ImportOptions, LeftOut
from harness.truth.importers.completion import complete_rows, drop_repeats, scale_accuracies
from harness.truth.rows import COLUMNS
from harness.truth.table import load_table, split_metadata

START_BYTES = 256
"""How much of a file it takes to know its format."""

_ARCHS = arch_columns(load_space()).names
_TEXTS = ("arch_str", "arch", SPACE_COLUMN, "dataset", "split")
_NAMES = (*COLUMNS, SPACE_COLUMN, INDEX_COLUMN, "arch")
"""Columns of the rows of whichever space."""


def is_rows(path: Path, start: bytes) -> bool:
    """Say whether a file is one of rows, by its first bytes and its name."""
    return path.is_file() and _kind_of(path, start) is not None


def _kind_of(path: Path, content: bytes) -> str | None:
    """Find the key of `READERS` by the first bytes of Parquet, the name, or how a text begins."""
    suffix = path.suffix.lower()
    begin = content[:START_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if content.startswith(b"PAR1"):
        return ".parquet"
    if suffix in READERS:
        return suffix
    if begin.startswith((b"[", b"{")):
        return ".json"
    first_line = begin.split(b"\n", 1)[0]
    named = any(name.encode() in first_line for name in (*_ARCHS, SPACE_COLUMN))
    return ".csv" if named else None


def read_rows(path: Path, options: ImportOptions) -> Imported:
    """Read a file of rows.

    Args:
        path: The file.
        options: What the caller asks for.

    Returns:
        Its rows, with all columns, each key once.

    Raises:
        TruthError: If it is damaged, empty, of another space or not a file of rows; a column or an
            architecture is unknown; rows disagree; or all accuracies look like fractions.
    """
    name = str(path)
    if not path.is_file():
        raise TruthError(f"'{path}' is not a file. Rows are in one CSV, JSON or Parquet file.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TruthError(f"{name} cannot be read: {error.strerror or error}.") from error
    if not content.strip():
        raise TruthError(f"{name} is empty. A truth table has one row per trained network.")
    kind = _kind_of(path, content)
    if kind is None:
        raise TruthError(
            f"{path}: this is not a file of rows, by its name or by how it begins. Rows are read "
            f"from {', '.join(sorted(READERS))} files; rename it to what it is."
        )
    try:
        df, metadata, space = _read(path, kind, options.space)
    except TruthError:
        raise
    except DataError as error:
        raise TruthError(str(error)) from error
    space = settle_space(space_of_rows(df, name, TruthError), space, name, TruthError)
    df = scale_accuracies(complete_rows(df, name, space), options.accuracy_scale, name)
    kept = drop_repeats(df, name, space)
    n_dropped = len(df) - len(kept)
    sentence = f"{n_dropped:,} rows of {name} repeat another exactly, and were dropped."
    left_out = LeftOut("n_dropped_duplicates", n_dropped, sentence)
    digest = hashlib.sha256(content).hexdigest()
    return Imported(kept, digest, [left_out], metadata, space)


def _read(
    path: Path, kind: str, space: Space | None
) -> tuple[pd.DataFrame, dict[str, str], Space | None]:
    """Read the harness's own tables, which are checked against their hash, and other files."""
    own: dict[str, str] = {}
    metadata: dict[str, str] = {}
    if kind in (".parquet", ".pq"):
        with contextlib.suppress(pa.ArrowException, OSError, ValueError):  # told by the reader
            own, metadata = split_metadata(pq.read_schema(path))
    if "schema" in own:
        table = load_table(path, space)
        return table.rows, table.metadata, table.space
    if "space" in own:
        space = settle_space(own["space"], space, str(path), TruthError)
    df = read_frame(path, _choose, kind)
    return _read_numbers(df) if kind in (".csv", ".tsv") else df, metadata, space


def _choose(names: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name in _NAMES]


def _read_numbers(df: pd.DataFrame) -> pd.DataFrame:
    """Read the texts of a CSV file as numbers in the columns where all cells are numbers."""
    for name in df.columns:
        if name in _TEXTS:
            df[name] = df[name].str.strip()
        else:
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                if name == "accuracy":  # the nearest number; pandas may read one beside it
                    df[name] = df[name].map(float, na_action="ignore")
                df[name] = pd.to_numeric(df[name])
    return df
