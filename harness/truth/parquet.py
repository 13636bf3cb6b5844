"""The Parquet file of a table: its layout, and reading it quickly and in little memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import ArchError
from harness.spaces import Space
from harness.spaces.lookup import arch_columns
from harness.truth.columns import Columns, Labels, key_kind, row_columns

_LABELS = ("dataset", "split")
_CODES = (pa.int8(), pa.int16(), pa.int32())
_BATCH_ROWS = 2**15
_MOST_ROWS = 10**8
"""What a damaged file may claim must not decide how much memory is asked for."""


def _numbers(space: Space) -> dict[str, Any]:
    """Return the columns of numbers and their types; the published index, if any, comes first."""
    index = arch_columns(space).index
    numbers = {} if index is None else {index: pa.from_numpy_dtype(key_kind(space))}
    kinds = {"epochs": pa.int16(), "trial": pa.int32(), "seed": pa.int64()}
    return numbers | kinds | {"accuracy": pa.float64()}


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
    labels |= {name: getattr(columns, name) for name in _LABELS}
    arrays = {name: _to_dictionary(column) for name, column in labels.items()}
    for name, kind in _numbers(space).items():
        arrays[name] = pa.array(getattr(columns, name, columns.key), kind)
    names = row_columns(space)
    table = pa.table([arrays[name] for name in names], names=list(names))
    return table.replace_schema_metadata(metadata)


def _to_dictionary(labels: Labels) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(labels.codes), list(labels.names))


def read_columns(file: pq.ParquetFile, space: Space) -> Columns | None:
    """Read a file that `to_arrow` laid out, without making an object a row.

    Args:
        file: The open file.
        space: Its space.

    Returns:
        The rows; None if the file is laid out in another way, a value is missing or out of range,
        or the rows do not ascend: then it takes a reader that can say what is wrong.
    """
    n_rows = file.metadata.num_rows
    named, numbers = arch_columns(space), _numbers(space)
    # The strings follow from the index where there is one.
    texts = _LABELS if named.index is not None else (named.text, *_LABELS)
    if not (0 < n_rows < _MOST_ROWS and _is_own_layout(file.schema_arrow, space, numbers, texts)):
        return None
    arrays: dict[str, Any] = {
        name: np.empty(n_rows, _dtype(kind)) for name, kind in numbers.items()
    }
    labels: dict[str, list[Labels]] = {name: [] for name in texts}
    start = 0
    wanted = [*numbers, *texts]
    for batch in file.iter_batches(_BATCH_ROWS, columns=wanted, use_threads=False):
        stop = start + len(batch)
        if stop > n_rows or any(column.null_count for column in batch.columns):
            return None
        for name in numbers:
            arrays[name][start:stop] = _view(batch.column(name))
        for name, pieces in labels.items():
            pieces.append(_copy_labels(batch.column(name)))
        start = stop
    # Arrow keeps what it has freed; a process that holds several tables would pay for it.
    pa.default_memory_pool().release_unused()
    if start != n_rows:
        return None
    arrays |= {name: _join(pieces) for name, pieces in labels.items()}
    try:
        if named.index is not None:
            arrays["key"] = arrays.pop(named.index)
        else:
            codes, names = arrays.pop(named.text)
            keys = [space.key(space.parse(name)) for name in names]
            arrays["key"] = np.array(keys, dtype=key_kind(space))[codes]
        columns = Columns(**arrays, space=space)
        return columns if columns.is_sound() else None
    except (ArchError, IndexError):
        return None


def _is_own_layout(schema: Any, space: Space, numbers: dict[str, Any], texts: Any) -> bool:
    if any(schema.names.count(name) != 1 for name in row_columns(space)):
        return False
    if any(schema.field(name).type != kind for name, kind in numbers.items()):
        return False
    kinds = [schema.field(name).type for name in texts]
    return all(
        pa.types.is_dictionary(kind) and kind.index_type in _CODES for kind in kinds
    ) and all(kind.value_type == pa.string() for kind in kinds)


def _copy_labels(array: Any) -> Labels:
    return Labels(_view(array.indices).copy(), tuple(array.dictionary.to_pylist()))


def _view(array: Any) -> npt.NDArray[Any]:
    """View an array without missing values; Arrow's own way to numpy would import pandas."""
    kind = _dtype(array.type)
    content = np.frombuffer(array.buffers()[1], kind, offset=array.offset * kind.itemsize)
    return content[: len(array)]


def _dtype(kind: Any) -> np.dtype[Any]:
    """Return numpy's type of numbers; until Arrow 23, its own `to_pandas_dtype` imports pandas."""
    letter = (
        "f" if pa.types.is_floating(kind) else "u" if pa.types.is_unsigned_integer(kind) else "i"
    )
    return np.dtype(f"{letter}{kind.bit_width // 8}")


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
