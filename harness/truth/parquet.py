"""The Parquet file of a table: its layout, and reading it quickly and in little memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import ArchError, TruthError
from harness.spaces import DEFAULT, Space
from harness.spaces.lookup import arch_columns, settle_space
from harness.truth.columns import (
    ONLY_ACCURACY,
    Columns,
    Labels,
    Metrics,
    all_accuracies,
    key_kind,
    row_columns,
    schema_of,
)
from harness.truth.metric import read_metrics

_CODES = (pa.int8(), pa.int16(), pa.int32())
PREFIX = "harness_"
"""Of what the harness writes into a file's key-value metadata."""

_FOREIGN = ("pandas", "ARROW:schema")
_MOST_ROWS = 10**8
"""What a damaged file may claim must not decide how much memory is asked for."""


def _labels(metrics: Metrics) -> tuple[str, ...]:
    return ("dataset", "split") if metrics == ONLY_ACCURACY else ("metric", "dataset", "split")


def _numbers(space: Space, metrics: Metrics) -> dict[str, Any]:
    """Return the columns of numbers and their types; the published index, if any, comes first."""
    index = arch_columns(space).index
    numbers = {} if index is None else {index: pa.from_numpy_dtype(key_kind(space))}
    kinds = {"epochs": pa.int16(), "trial": pa.int32(), "seed": pa.int64()}
    return numbers | kinds | {row_columns(space, metrics)[-1]: pa.float64()}


def to_arrow(columns: Columns, metadata: dict[str, str]) -> Any:
    """Lay out a table as its file holds it.

    Args:
        columns: The rows.
        metadata: Texts for the file's key-value metadata.

    Returns:
        An Arrow table with the columns of `row_columns`, labels and strings as dictionaries.
    """
    space = columns.space
    used, codes = np.unique(columns.key, return_inverse=True)
    small = np.int16 if len(used) <= 2**15 else np.int32
    strings = tuple(space.format(space.at(key)) for key in used.tolist())
    one_name = Labels(np.zeros(len(columns), dtype=np.int8), (space.name,))
    named = arch_columns(space)
    labels = {named.space: one_name, named.text: Labels(codes.astype(small), strings)}
    labels |= {name: getattr(columns, name) for name in _labels(columns.metrics)}
    arrays = {name: _to_dictionary(column) for name, column in labels.items()}
    numbers = {"accuracy": columns.value, named.index: columns.key}
    for name, kind in _numbers(space, columns.metrics).items():
        arrays[name] = pa.array(numbers[name] if name in numbers else getattr(columns, name), kind)
    names = row_columns(space, columns.metrics)
    table = pa.table([arrays[name] for name in names], names=list(names))
    return table.replace_schema_metadata(metadata)


def _to_dictionary(labels: Labels) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(labels.codes), list(labels.names))


def read_columns(
    file: pq.ParquetFile, space: Space, metrics: Metrics = ONLY_ACCURACY
) -> Columns | None:
    """Read a file that `to_arrow` laid out, without making an object a row.

    Args:
        file: The open file.
        space: Its space.
        metrics: What it measures.

    Returns:
        The rows; None if the file is laid out in another way, a value is missing or out of range,
        or the rows do not ascend: then it takes a reader that can say what is wrong.
    """
    named, numbers = arch_columns(space), _numbers(space, metrics)
    # The strings follow from the index where there is one.
    texts = _labels(metrics) if named.index is not None else (named.text, *_labels(metrics))
    is_small = 0 < file.metadata.num_rows < _MOST_ROWS
    names = row_columns(space, metrics)
    if not (is_small and _is_own_layout(file.schema_arrow, names, numbers, texts)):
        return None
    table = file.read(columns=[*numbers, *texts], use_threads=False).unify_dictionaries()
    table = table.combine_chunks()
    if table.num_rows == 0 or any(column.null_count for column in table.columns):
        return None
    arrays: dict[str, Any] = {name: _copy(table[name].chunk(0)) for name in numbers}
    for name in texts:
        labels = table[name].chunk(0)
        arrays[name] = Labels(_copy(labels.indices), tuple(labels.dictionary.to_pylist()))
    arrays["value"] = arrays.pop(names[-1])
    arrays.setdefault("metric", all_accuracies(table.num_rows))
    # Arrow keeps what it has freed; a process that holds several tables would pay for it.
    del table, labels
    pa.default_memory_pool().release_unused()
    try:
        if named.index is not None:
            arrays["key"] = arrays.pop(named.index)
        else:
            codes, names = arrays.pop(named.text)
            keys = [space.key(space.parse(name)) for name in names]
            arrays["key"] = np.array(keys, dtype=key_kind(space))[codes]
        columns = Columns(**arrays, space=space, metrics=metrics)
        return columns if columns.is_sound() else None
    except (ArchError, IndexError):
        return None


def _is_own_layout(schema: Any, names: Any, numbers: dict[str, Any], texts: Any) -> bool:
    if any(schema.names.count(name) != 1 for name in names):
        return False
    if any(schema.field(name).type != kind for name, kind in numbers.items()):
        return False
    kinds = [schema.field(name).type for name in texts]
    return all(
        pa.types.is_dictionary(kind) and kind.index_type in _CODES for kind in kinds
    ) and all(kind.value_type == pa.string() for kind in kinds)


def _copy(array: Any) -> npt.NDArray[Any]:
    """Copy an array without missing values; Arrow's own way to numpy would import pandas."""
    kind = np.dtype(str(array.type))  # Arrow calls these kinds as numpy does
    content = np.frombuffer(array.buffers()[1], kind, offset=array.offset * kind.itemsize)
    return content[: len(array)].copy()


def split_metadata(schema: pa.Schema) -> tuple[dict[str, str], dict[str, str]]:
    """Split a file's metadata in what the harness wrote about the table, and where it came from."""
    texts = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (schema.metadata or {}).items()
    }
    own = {k.removeprefix(PREFIX): v for k, v in texts.items() if k.startswith(PREFIX)}
    return own, {k: v for k, v in texts.items() if not k.startswith((PREFIX, *_FOREIGN))}


def header_metrics(path: Path) -> Metrics:
    """Return what a file measures, by its header alone.

    Raises:
        TruthError: If the header cannot be read, or its metrics are damaged.
    """
    try:
        own = split_metadata(pq.read_schema(path))[0]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TruthError(f"{path}: this is not a whole Parquet file.") from error
    return _metrics_of(own, path)


def _metrics_of(own: dict[str, str], path: Path) -> Metrics:
    return read_metrics(own["metrics"], str(path)) if "metrics" in own else ONLY_ACCURACY


def check_header(own: dict[str, str], asked: Space | None, path: Path) -> tuple[Space, Metrics]:
    """Return the space and metrics that the header names, once its schema is known to fit them."""
    space = settle_space(own.get("space", DEFAULT), asked, str(path), TruthError)
    metrics = _metrics_of(own, path)
    schema = schema_of(space, metrics)
    if own.get("schema") != schema:
        raise TruthError(
            f"{path}: its schema is '{own.get('schema', 'not named')}', and this version reads "
            f"'{schema}'. Upgrade the harness, or make the table again with this version."
        )
    return space, metrics


def check_hashes(columns: Columns, own: dict[str, str], path: Path) -> None:
    """Compare the rows with the header; the first tables did not yet say their seeds' hash."""
    seeds = columns.seeds_sha256()
    pairs = {
        "rows": (columns.sha256(), own.get("sha256", "nothing")),
        "seeds": (seeds, own.get("seeds_sha256", seeds)),
    }
    for what, (found, written) in pairs.items():
        if found != written:
            raise TruthError(
                f"{path}: the {what} are not those that were written (their hash is "
                f"{found[:12]}, the file says {written[:12]}). The file is damaged or was "
                "edited; get or make it again."
            )
