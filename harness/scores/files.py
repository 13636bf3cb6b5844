"""Reading anybody's table: CSV, TSV, Parquet, JSON records or JSON lines, columns as they are.

Nothing is guessed about values here: a CSV cell stays text, so that an error can show what the
file says. A file that is cut short, ragged, of another encoding or empty is refused by name.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from harness.errors import DataError
from harness.scores.cells import check_names
from harness.scores.own import check_schema
from harness.scores.text import refuse_halves, show

Choose = Callable[[Sequence[str]], list[str]]
"""Picks the columns to read from the names of all; may refuse them."""

_DELIMITERS = (",", "\t", ";")
_MOST_HEADER_BYTES = 2**20
_NESTED_TOO_DEEP = "it is nested too deeply"


def read_frame(path: Path, choose: Choose, kind: str | None = None) -> pd.DataFrame:
    """Read some columns of a table.

    Args:
        path: The file.
        choose: Picks the columns from the names that the file has.
        kind: A key of `READERS`; how the file's name ends unless given.

    Returns:
        The chosen columns in the file's order of rows; texts of a CSV file are not interpreted.

    Raises:
        DataError: If the path is not a file of a known kind, the file cannot be read, is empty
            or damaged, or names a column twice; and what `choose` raises.
    """
    kind = path.suffix.lower() if kind is None else kind
    if path.is_dir():
        raise DataError(
            f"'{path}' is a folder, and a scores file was expected. Give a file "
            f"({', '.join(READERS)}), or the folder of a run, which holds record.json."
        )
    if not path.is_file():
        raise DataError(f"There is no scores file at '{path}'. Check the path.")
    if kind not in READERS:
        raise DataError(
            f"{path}: a file that ends in '{show(kind, 20)}' is of no known kind. Give one of "
            f"{', '.join(READERS)}, unpacked and named after what it is."
        )
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty. Get or make it again.")
        return READERS[kind](path, choose)
    except OSError as error:
        raise DataError(f"{path}: it cannot be read ({show(error.strerror or error)}).") from error


def _damaged(path: Path, kind: str, reason: object) -> DataError:
    first = (str(reason).splitlines() or [type(reason).__name__])[0]
    return DataError(
        f"{path}: this is not a whole {kind} file ({show(first, 160)}). It may have been cut "
        "short, or be of another kind than its name says; get or make it again."
    )


def _not_utf8(path: Path, reason: object) -> DataError:
    return DataError(
        f"{path}: this is not UTF-8 text ({show(reason, 120)}). Save it again as UTF-8."
    )


def _read_delimited(path: Path, choose: Choose) -> pd.DataFrame:
    with path.open("rb") as file:
        line = file.readline(_MOST_HEADER_BYTES)
    try:
        header = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from error
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    except csv.Error as error:  # such as lines that end in a bare carriage return
        raise _damaged(path, "CSV", error) from error
    wanted = choose(names)
    check_names(names, wanted, str(path))
    if len(line) == path.stat().st_size:  # which the reader would take for damage
        return pd.DataFrame({name: [] for name in wanted}, dtype=object)
    try:
        table = pa_csv.read_csv(
            path,
            # One thread, so that an error can say the row.
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowException as error:
        if "UTF8" in str(error):
            raise _not_utf8(path, error) from error
        raise _damaged(path, "CSV", error) from error
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _read_parquet(path: Path, choose: Choose) -> pd.DataFrame:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            check_schema(schema.metadata, str(path))
            wanted = choose(schema.names)
            check_names(schema.names, wanted, str(path))
            table = file.read(columns=wanted, use_threads=False).select(wanted)
        table.validate(full=True)  # a text that is not one would fail far from here
        # Without pandas' own metadata, which may have made a column the index.
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError) as error:  # a text that is not UTF-8 as well
        raise _damaged(path, "Parquet", error) from error
    return frame


def _read_json(path: Path, choose: Choose) -> pd.DataFrame:
    content = load_json(path)
    if isinstance(content, dict) and isinstance(content.get("rows"), list):
        content = content["rows"]  # as `harness truth export` writes it
    elif isinstance(content, dict):
        is_mapping = all(key.startswith("|") for key in content)  # from architectures to scores
        content = (
            [{"arch_str": key, "score": score} for key, score in content.items()]
            if content and is_mapping
            else [content]
        )
    return _frame_of(content, path, choose)


def load_json(path: Path) -> Any:
    """Parse a JSON file; of one with an object a line, a list of them.

    Raises:
        DataError: If it is not whole, not UTF-8, nested too deeply, or an object names a key twice.
    """
    text = _read_text(path)
    try:
        content = json.loads(text, object_pairs_hook=_unrepeated)
        refuse_halves(content, text)
        return content
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return _parse_lines(text, path)
        raise _damaged(path, "JSON", error) from error
    except (ValueError, RecursionError) as error:
        reason = error if isinstance(error, ValueError) else _NESTED_TOO_DEEP
        raise _damaged(path, "JSON", reason) from error


def _read_json_lines(path: Path, choose: Choose) -> pd.DataFrame:
    return _frame_of(_parse_lines(_read_text(path), path), path, choose)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from error


def _parse_lines(text: str, path: Path) -> list[Any]:
    records = []
    decoder = json.JSONDecoder(object_pairs_hook=_unrepeated)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.append(decoder.decode(line))
                refuse_halves(records[-1], line)
            except (ValueError, RecursionError) as error:
                reason = error if isinstance(error, ValueError) else _NESTED_TOO_DEEP
                raise _damaged(path, "JSON lines", f"line {number}: {reason}") from error
    return records


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object's dict; Python would silently keep only the last of equal keys."""
    content = dict(pairs)
    if len(content) < len(pairs):
        repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"key '{show(repeated)}' is there more than once in one object")
    return content


def _frame_of(records: Any, path: Path, choose: Choose) -> pd.DataFrame:
    if not isinstance(records, list):
        raise DataError(
            f"{path}: it holds one JSON value of type {type(records).__name__}, not rows. Write a "
            "list of objects, one per row, or one object per line."
        )
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            raise DataError(
                f"{path}: record {number} (counted from 0) is not a JSON object but "
                f"'{show(record)}'. Write one object per row."
            )
    if not records:
        raise DataError(f"{path}: there are no rows. Get or make it again.")
    wanted = choose(list(dict.fromkeys(key for record in records for key in record)))
    columns = {name: [record.get(name) for record in records] for name in wanted}
    return pd.DataFrame(columns, dtype=object)


READERS: dict[str, Callable[[Path, Choose], pd.DataFrame]] = {
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}
"""Readers by the end of a file's name."""
