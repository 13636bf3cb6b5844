"""Reading anybody's table: CSV, Parquet, JSON or numpy's arrays, columns as they are.

Nothing is guessed about values here: a CSV cell stays text, so that an error can show what the
file says. A file that is cut short, ragged, of another encoding or empty is refused by name.
"""

from __future__ import annotations

import csv
import io
import json
import tokenize
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from harness.errors import DataError
from harness.scores.cells import read_numbers
from harness.scores.contents import tabulate
from harness.scores.own import check_content
from harness.scores.source import Source, damaged
from harness.scores.text import refuse_halves, show
from harness.spaces import Space, load_space
from harness.spaces.reading import are_numbers, read_forms

_DELIMITERS = (",", "\t", ";")
_NESTED_TOO_DEEP = "it is nested too deeply"


def read_table(source: Source, space: Space | None = None) -> pd.DataFrame:
    """Read a table.

    Args:
        source: The table.
        space: The space of its architectures, which may be keys of nested objects; whichever the
            table names unless given.

    Returns:
        All columns by their names as texts, in the file's order of rows; texts of a CSV file are
        not interpreted. Several columns may have one name.

    Raises:
        DataError: If it is damaged, not UTF-8, or has no rows and columns.
    """
    return _READERS[source.kind](source, space).rename(columns=str)


def _not_utf8(source: Source, reason: object) -> DataError:
    return DataError(
        f"{source.name}: this is not UTF-8 text ({show(reason, 120)}). Save it again as UTF-8."
    )


def _read_delimited(source: Source, space: Space | None) -> pd.DataFrame:
    line = source.content.split(b"\n", 1)[0]
    try:
        header = line.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError as error:
        raise _not_utf8(source, error) from error
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    except csv.Error as error:  # such as lines that end in a bare carriage return
        raise damaged(source.name, "CSV", error) from error
    if _are_cells(names, space or load_space()):
        raise DataError(
            f"{source.name}: its first line has no names of columns, but a row: "
            f"'{show(header, 120)}'. Write a line of names above it, such as "
            f"{delimiter.join(('arch', 'score'))}."
        )
    if len(line) + 1 >= len(source.content):  # which the reader would take for damage
        return pd.DataFrame([], columns=names, dtype=object)
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(source.content),
            # One thread, so that an error can say the row.
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowException as error:
        if "UTF8" in str(error):
            raise _not_utf8(source, error) from error
        raise damaged(source.name, "CSV", error) from error
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _are_cells(names: Sequence[str], space: Space) -> bool:
    """Say whether a first line is a row, which would be lost: an architecture, or fractions."""
    if not are_numbers(read_forms(pd.Series(names, dtype=object), space), space):
        return True
    numbers, missing, invalid = read_numbers(pd.Series(names, dtype=object))
    return not (missing | invalid).any() and bool((numbers != np.floor(numbers)).any())


def _read_parquet(source: Source, space: Space | None) -> pd.DataFrame:
    try:
        with pq.ParquetFile(pa.BufferReader(source.content)) as file:
            table = file.read(use_threads=False)
        check_content(table, source.name, space)
        table.validate(full=True)  # a text that is not one would fail far from here
        # Without pandas' own metadata, which may have made a column the index.
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError) as error:  # a text that is not UTF-8 as well
        raise damaged(source.name, "Parquet", error) from error
    return frame


def _read_json(source: Source, space: Space | None) -> pd.DataFrame:
    return tabulate(parse_json(source), space or load_space(), source.name)


def parse_json(source: Source) -> Any:
    """Parse JSON; of one with an object a line, a list of them.

    Args:
        source: The file, of a kind of JSON.

    Returns:
        Its content.

    Raises:
        DataError: If it is not whole, not UTF-8, nested too deeply, or an object names a key twice.
    """
    try:
        text = source.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(source, error) from error
    if source.kind == "json lines":
        return _parse_lines(text, source)
    try:
        content = json.loads(text, object_pairs_hook=_unrepeated)
        refuse_halves(content, text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return _parse_lines(text, source)
        raise damaged(source.name, "JSON", error) from error
    except (ValueError, RecursionError) as error:
        reason = error if isinstance(error, ValueError) else _NESTED_TOO_DEEP
        raise damaged(source.name, "JSON", reason) from error
    return content


def _parse_lines(text: str, source: Source) -> list[Any]:
    records = []
    decoder = json.JSONDecoder(object_pairs_hook=_unrepeated)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.append(decoder.decode(line))
                refuse_halves(records[-1], line)
            except (ValueError, RecursionError) as error:
                reason = error if isinstance(error, ValueError) else _NESTED_TOO_DEEP
                raise damaged(source.name, "JSON lines", f"line {number}: {reason}") from error
    return records


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object's dict; Python would silently keep only the last of equal keys."""
    content = dict(pairs)
    if len(content) < len(pairs):
        repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"key '{show(repeated)}' is there more than once in one object")
    return content


def _read_numpy(source: Source, space: Space | None) -> pd.DataFrame:
    """Read an array, or several by name: columns of one table."""
    try:
        with warnings.catch_warnings():  # one of Python 2 is read as well, if more slowly
            warnings.simplefilter("ignore", UserWarning)
            content: Any = np.load(io.BytesIO(source.content), allow_pickle=False)
            if isinstance(content, np.lib.npyio.NpzFile):
                content = {name: content[name] for name in content.files}
    except (
        *(ValueError, TypeError, KeyError, OSError, EOFError, MemoryError, SyntaxError),
        *(zipfile.BadZipFile, zlib.error, RuntimeError, OverflowError, tokenize.TokenError),
    ) as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{source.name}: it holds a pickle, which is not read, since reading one can run "
                "code. Save a dictionary with np.savez(path, arch=..., score=...), or as JSON."
            ) from error
        raise damaged(source.name, "numpy", error) from error
    if isinstance(content, dict) and len(content) == 1:
        content = next(iter(content.values()))
    if isinstance(content, np.ndarray) and content.dtype.names:
        content = {name: content[name] for name in content.dtype.names}
    return tabulate(content, space or load_space(), source.name)


_READERS: dict[str, Callable[[Source, Space | None], pd.DataFrame]] = {
    "csv": _read_delimited,
    "parquet": _read_parquet,
    "json": _read_json,
    "json lines": _read_json,
    "npy": _read_numpy,
    "npz": _read_numpy,
}
"""Readers by kind."""
