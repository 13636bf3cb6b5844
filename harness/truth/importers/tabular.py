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
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import TruthError
from harness.scores import refuse_halves
from harness.spaces import Space, load_space
from harness.spaces.lookup import (
    INDEX_COLUMN,
    SPACE_COLUMN,
    arch_columns,
    settle_space,
    space_of_rows,
)
from harness.truth.importers.base import Imported, ImportOptions, Notes
from harness.truth.importers.completion import complete_rows, drop_repeats, scale_accuracies
from harness.truth.rows import COLUMNS
from harness.truth.table import load_table

PARQUET_START = b"PAR1"
START_BYTES = 256
"""How much of a file it takes to know its format."""

_ARCHS = arch_columns(load_space()).names
_NAMES = (*COLUMNS, SPACE_COLUMN, INDEX_COLUMN, "arch")
"""Columns of the rows of whichever space."""

_FOREIGN = ("harness_", "pandas", "ARROW:schema")
"""Keys of a Parquet file's metadata that say nothing about where its rows came from."""


def is_rows(path: Path, start: bytes) -> bool:
    """Say whether a file is one of rows, by its first bytes and its name."""
    is_known = start.startswith(PARQUET_START) or _find_reader(path, start) is not None
    return path.is_file() and is_known


def read_rows(path: Path, options: ImportOptions) -> Imported:
    """Read a file of rows.

    Args:
        path: The file.
        options: What the caller asks for.

    Returns:
        Its rows, with all columns, each key once.

    Raises:
        TruthError: If it is damaged, empty, of another space or no file of rows; a column or an
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
        raise TruthError(f"{name} is empty. A truth table has one row a trained network.")
    metadata: dict[str, str] = {}
    space = options.space
    if content.startswith(PARQUET_START):
        df, metadata, space = _read_parquet(path, space)
    else:
        df = _reader_of(path, content)(content, name)
    space = settle_space(space_of_rows(df, name, TruthError), space, name, TruthError)
    df = scale_accuracies(complete_rows(df, name, space), options.accuracy_scale, name)
    notes = Notes()
    kept = drop_repeats(df, name, space)
    n_dropped = len(df) - len(kept)
    sentence = f"{n_dropped:,} rows of {name} repeat another exactly, and were dropped."
    notes.add("n_dropped_duplicates", n_dropped, sentence)
    digest = hashlib.sha256(content).hexdigest()
    return Imported(kept, digest, notes.counts, notes.sentences, metadata, space)


def _find_reader(path: Path, content: bytes) -> Callable[[bytes, str], pd.DataFrame] | None:
    """Choose a reader by the file's name, else by how its content begins."""
    by_name = _READERS.get(path.suffix.lower())
    begin = content[:START_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if by_name is not None:
        return by_name
    if begin.startswith((b"[", b"{")):
        return _read_json
    first_line = begin.split(b"\n", 1)[0]
    if any(name.encode() in first_line for name in (*_ARCHS, SPACE_COLUMN)):
        return _read_tsv if b"\t" in first_line else _read_csv
    return None


def _reader_of(path: Path, content: bytes) -> Callable[[bytes, str], pd.DataFrame]:
    reader = _find_reader(path, content)
    if reader is None:
        raise TruthError(
            f"{path}: this is not a file of rows, by its name or by how it begins. Rows are read "
            f"from {', '.join(sorted(_READERS))} files; rename it to what it is."
        )
    return reader


def _no_parquet(_content: bytes, name: str) -> NoReturn:
    raise TruthError(
        f"{name}: this is not a whole Parquet file (it does not begin as one). It may have been "
        "cut short; get or make it again."
    )


def _read_parquet(
    path: Path, asked: Space | None
) -> tuple[pd.DataFrame, dict[str, str], Space | None]:
    """Read the harness's own tables, which are checked against their hash, and foreign ones."""
    try:
        schema = pq.read_schema(path)
        metadata = {
            key.decode(errors="replace"): value.decode(errors="replace")
            for key, value in (schema.metadata or {}).items()
        }
        if "harness_schema" not in metadata:
            space = asked
            if "harness_space" in metadata:
                space = settle_space(metadata["harness_space"], asked, str(path), TruthError)
            names = [name for name in schema.names if name in _NAMES]
            _check_names(names, str(path))
            table = pq.read_table(path, columns=names)
            table.validate(full=True)  # a text that is not one would fail far from here
            frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
            texts = {k: v for k, v in metadata.items() if not k.startswith(_FOREIGN)}
            return frame, texts, space
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TruthError(
            f"{path}: this is not a whole Parquet file ({error!s:.200}). It may have been cut "
            "short; get or make it again."
        ) from error
    own = load_table(path, asked)
    return own.rows, own.metadata, own.space


def _read_csv(content: bytes, name: str, separator: str = ",") -> pd.DataFrame:
    text = io.StringIO(_decode(content, name))
    try:
        df = pd.read_csv(
            text,
            sep=separator,
            dtype={"accuracy": str},
            keep_default_na=False,
            na_values=[""],
            low_memory=False,
            skipinitialspace=True,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        raise TruthError(
            f"{name} cannot be read as a CSV file: {error!s:.200}. The first line names the "
            "columns, and each other line is one row with as many values."
        ) from error
    if not isinstance(df.index, pd.RangeIndex):
        raise TruthError(
            f"{name}: its lines have more values than the first line has names. The first line "
            "names the columns, and each other line is one row with as many values."
        )
    _check_names([str(column).removesuffix(".1") for column in df.columns], name)
    if "accuracy" in df:
        # Python reads the nearest number; pandas, by version and option, one beside it. A text
        # that is not a number is left to the check of the rows.
        with contextlib.suppress(ValueError):
            df["accuracy"] = [np.nan if pd.isna(text) else float(text) for text in df["accuracy"]]
    return df


def _check_names(names: list[str], name: str) -> None:
    """Check that no column of the schema is there twice; pandas calls the second one x.1."""
    twice = next((column for column in _NAMES if names.count(column) > 1), None)
    if twice is not None:
        raise TruthError(f"{name}: there are two columns '{twice}'. Remove or rename one of them.")


def _read_tsv(content: bytes, name: str) -> pd.DataFrame:
    return _read_csv(content, name, "\t")


def _read_json(content: bytes, name: str) -> pd.DataFrame:
    text = _decode(content, name)
    try:
        try:
            parsed = json.loads(text, parse_constant=_refuse_constant)
            refuse_halves(parsed, text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise
            return _read_json_lines(content, name)
    except (ValueError, RecursionError) as error:
        raise _json_error(name, str(error)) from error
    rows = parsed["rows"] if isinstance(parsed, dict) and "rows" in parsed else parsed
    return _frame_of(rows if isinstance(rows, list) else [rows], name)


def _read_json_lines(content: bytes, name: str) -> pd.DataFrame:
    rows = []
    for number, line in enumerate(_decode(content, name).splitlines(), start=1):
        try:
            if line.strip():
                rows.append(json.loads(line, parse_constant=_refuse_constant))
                refuse_halves(rows[-1], line)
        except (ValueError, RecursionError) as error:
            raise _json_error(name, f"line {number}: {error}") from error
    return _frame_of(rows, name)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _json_error(name: str, reason: str) -> TruthError:
    return TruthError(
        f"{name} cannot be read as JSON: {reason:.200}. Give a list of objects, one a row, or one "
        "object a line."
    )


def _frame_of(rows: list[Any], name: str) -> pd.DataFrame:
    bad = [row for row in rows if not isinstance(row, dict)]
    if bad or not rows:
        raise _json_error(name, f"{bad[0]!r:.60} is not a row" if bad else "there are no rows")
    return pd.DataFrame.from_records(rows)


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TruthError(
            f"{name} is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}. Save it as "
            "UTF-8, or as Parquet."
        ) from error


_READERS: dict[str, Callable[[bytes, str], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _no_parquet,
    ".pq": _no_parquet,
    ".tsv": _read_tsv,
}
"""How the content of a file is read, by its suffix; Parquet is known by its first bytes."""
