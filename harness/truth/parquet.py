"""The Parquet file of a table: its layout, and reading it quickly and in little memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from harness.spaces.nb201.encoding import enumerate_archs
from harness.truth.columns import Columns, Labels

COLUMNS = ("nb201_index", "arch_str", "dataset", "split", "epochs", "trial", "seed", "accuracy")
"""Columns of a row: accuracy in percent, 0 to 100; seed -1 where it is unknown."""

_NUMBERS = {
    "nb201_index": pa.int16(),
    "epochs": pa.int16(),
    "trial": pa.int32(),
    "seed": pa.int64(),
    "accuracy": pa.float64(),
}
_LABELS = ("dataset", "split")
_CODES = (pa.int8(), pa.int16(), pa.int32())
_BATCH_ROWS = 2**15
_MOST_ROWS = 10**8
"""What a damaged file may claim must not decide how much memory is asked for."""


def to_arrow(columns: Columns, metadata: dict[str, str]) -> Any:
    """Lay out a table as its file holds it.

    Args:
        columns: The rows.
        metadata: Texts for the file's key-value metadata.

    Returns:
        An Arrow table with the columns of `COLUMNS`, labels and strings as dictionaries.
    """
    archs = enumerate_archs()
    # A table of few architectures need not carry the strings of all of them.
    used, codes = np.unique(columns.nb201_index, return_inverse=True)
    strings = Labels(codes.astype(np.int16), tuple(str(archs[index]) for index in used.tolist()))
    arrays = {name: pa.array(getattr(columns, name), kind) for name, kind in _NUMBERS.items()}
    arrays["arch_str"] = _to_dictionary(strings)
    arrays |= {name: _to_dictionary(getattr(columns, name)) for name in _LABELS}
    table = pa.table([arrays[name] for name in COLUMNS], names=list(COLUMNS))
    return table.replace_schema_metadata(metadata)


def _to_dictionary(labels: Labels) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(labels.codes), list(labels.names))


def read_columns(file: pq.ParquetFile) -> Columns | None:
    """Read a file that `to_arrow` laid out, without making an object a row.

    Args:
        file: The open file.

    Returns:
        The rows; None if the file is laid out in another way, a value is missing or out of range,
        or the keys do not ascend: then it takes a reader that can say what is wrong.
    """
    n_rows = file.metadata.num_rows
    if not (0 < n_rows < _MOST_ROWS and _is_own_layout(file.schema_arrow)):
        return None
    arrays: dict[str, Any] = {
        name: np.empty(n_rows, kind.to_pandas_dtype()) for name, kind in _NUMBERS.items()
    }
    labels: dict[str, list[Labels]] = {name: [] for name in _LABELS}
    start = 0
    wanted = [*_NUMBERS, *_LABELS]
    for batch in file.iter_batches(_BATCH_ROWS, columns=wanted, use_threads=False):
        stop = start + len(batch)
        if stop > n_rows or any(column.null_count for column in batch.columns):
            return None
        for name in _NUMBERS:
            arrays[name][start:stop] = _view(batch.column(name))
        for name, pieces in labels.items():
            pieces.append(_copy_labels(batch.column(name)))
        start = stop
    # Arrow keeps what it has freed; a process that holds several tables would pay for it.
    pa.default_memory_pool().release_unused()
    if start != n_rows:
        return None
    arrays |= {name: _join(pieces) for name, pieces in labels.items()}
    columns = Columns(**arrays)
    return columns if columns.is_sound() else None


def _is_own_layout(schema: Any) -> bool:
    if any(schema.names.count(name) != 1 for name in COLUMNS):
        return False
    if any(schema.field(name).type != kind for name, kind in _NUMBERS.items()):
        return False
    kinds = [schema.field(name).type for name in _LABELS]
    return all(
        pa.types.is_dictionary(kind) and kind.index_type in _CODES for kind in kinds
    ) and all(kind.value_type == pa.string() for kind in kinds)


def _copy_labels(array: Any) -> Labels:
    return Labels(_view(array.indices).copy(), tuple(array.dictionary.to_pylist()))


def _view(array: Any) -> npt.NDArray[Any]:
    """View an array without missing values; Arrow's own way to numpy would import pandas."""
    kind = np.dtype(array.type.to_pandas_dtype())
    content = np.frombuffer(array.buffers()[1], kind, offset=array.offset * kind.itemsize)
    return content[: len(array)]


def _join(pieces: list[Labels]) -> Labels:
    """Join labels whose dictionaries may differ, as those of a long file's parts may."""
    names = pieces[0].names
    if all(piece.names == names for piece in pieces):
        return Labels(np.concatenate([piece.codes for piece in pieces]), names)
    every = tuple(sorted({name for piece in pieces for name in piece.names}))
    place = {name: position for position, name in enumerate(every)}
    codes = [
        np.array([place[name] for name in piece.names], dtype=np.int32)[piece.codes]
        for piece in pieces
    ]
    return Labels(np.concatenate(codes), every)
