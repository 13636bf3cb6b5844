"""What a parsed file holds, as rows and columns: records, parallel arrays, nested objects, a list.

Axis: row, of the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import DataError
from harness.scores.cells import read_numbers, read_texts
from harness.scores.text import show
from harness.spaces import Space
from harness.spaces.lookup import arch_columns, are_nested
from harness.spaces.reading import are_numbers, read_forms

ARCH, VALUE = "arch", "value"
"""Columns of architectures that are keys of an object, and of values that have no name."""

MOST_KEYS = 1_000
"""Where records have more keys, those of a single record are left out: each numbers its own."""

MOST_LEVELS = 20

_SAMPLED = 100

Path = tuple[Hashable, ...]


def tabulate(content: Any, space: Space, source: str) -> pd.DataFrame:
    """Lay out what a JSON file, a pickle or an array holds as rows and columns.

    - A list of objects has one row each; and so has the list `rows` of an object, or `data` as
      pandas writes it, unless it is one column of several. A list of lists has numbered columns.
    - An object of several lists of one length has a column each; its single values hold for all
      rows.
    - Nested objects have one level whose keys are architectures, in any form. It gives the rows,
      and the column `arch`; the keys above and below, joined by "/", name the columns. Keys that
      are numbers only number the rows where a column names the architectures.
    - A list of as many numbers as the space has architectures is in the published order; and so are
      several lists by name, none of which could name architectures.

    Args:
        content: Lists, mappings, arrays and single values.
        space: The space of the architectures.
        source: What to call the file in an error.

    Returns:
        All columns; a cell is what was found there, perhaps a list.

    Raises:
        DataError: If it is none of these, or has no rows.
    """
    if isinstance(content, np.ndarray):
        content = content.tolist()
    names: Any = None
    index: Any = None
    if isinstance(content, Mapping):
        names, index = content.get("columns"), content.get("index")
        content = _find_rows(content)
    if isinstance(content, Mapping):
        frame = _of_mapping(content, space, source)
    elif _is_list(content):
        frame = _of_list(content, names, space, source)
        if _is_list(index) and len(index) == len(frame) and list(index) != list(range(len(frame))):
            frame.insert(0, "index" if "index" not in frame else "key", _cells(index))
    else:
        raise DataError(
            f"{source}: it holds one value of type {type(content).__name__}, not rows. Write a "
            "list of objects, one per row, or one object per line."
        )
    if frame.empty:
        raise DataError(f"{source}: there are no rows. Get or make it again.")
    return frame


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def _find_rows(content: Mapping[Any, Any]) -> Any:
    """Return the list that holds the rows of an object, or the object where none does."""
    n_lists = sum(map(_is_list, content.values()))
    for name in ("rows", "data"):
        found: Any = content.get(name)
        if _is_list(found):
            is_column = n_lists > 1 and len(found) > 0
            if not is_column or any(isinstance(item, Mapping) or _is_list(item) for item in found):
                return found
    return content


def _of_list(
    items: Sequence[Any], names: Sequence[Any] | None, space: Space, source: str
) -> pd.DataFrame:
    index = arch_columns(space).index
    kinds = {
        "object" if isinstance(i, Mapping) else "list" if _is_list(i) else "one" for i in items
    }
    if kinds == {"one"} and index is not None and len(items) == space.size:
        return pd.DataFrame({index: range(len(items)), VALUE: list(items)})
    if kinds == {"list"} and len({len(item) for item in items}) == 1:
        names = names if names is not None and len(names) == len(items[0]) else range(len(items[0]))
        columns = zip(*items, strict=True)
        return pd.DataFrame(
            {str(name): _cells(each) for name, each in zip(names, columns, strict=True)}
        )
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            of_all = "" if index is None else f", or a list of {space.size:,} numbers"
            raise DataError(
                f"{source}: record {number} (counted from 0) is not an object but '{show(item)}'. "
                f"Write one object per row{of_all}."
            )
    counts = Counter(key for item in items for key in item)
    keys = [key for key, n in counts.items() if n > 1 or len(counts) <= MOST_KEYS]
    return pd.DataFrame({str(key): _cells(item.get(key) for item in items) for key in keys})


def _cells(values: Any) -> pd.Series[Any]:
    """Make a column without interpreting its cells."""
    listed = list(values)
    cells = np.empty(len(listed), dtype=object)
    cells[:] = listed
    return pd.Series(cells, dtype=object)


def _of_mapping(content: Mapping[Any, Any], space: Space, source: str) -> pd.DataFrame:
    leaves = dict(_walk(content, (), source))
    level = _level_of_archs(list(leaves), space)
    if level is not None:
        return _by_arch(leaves, level, space)
    lists = {key: each for key, each in content.items() if _is_list(each)}
    lengths = set(map(len, lists.values()))
    if len(lists) < 2 or len(lengths) > 1 or any(isinstance(e, Mapping) for e in content.values()):
        return pd.DataFrame({str(key): _cells([each]) for key, each in content.items()})
    n = lengths.pop()
    frame = pd.DataFrame(
        {str(key): _cells(lists.get(key, [each] * n)) for key, each in content.items()}
    )
    index = arch_columns(space).index
    if index is not None and n == space.size and not _names_archs(frame, space):
        frame.insert(0, index, range(n))
    return frame


def _names_archs(frame: pd.DataFrame, space: Space) -> bool:
    """Say whether a column may name architectures, perhaps in the published order or unreadably."""
    sample = frame[:_SAMPLED]
    readings = (read_forms(sample[name], space).values() for name in frame)
    if any((keys >= 0).all() for each in readings for keys in each):
        return True
    # Lists may be the trials of an architecture.
    return any(names_rows(each) and not are_nested(each).any() for _, each in frame.items())


def names_rows(column: pd.Series[Any]) -> bool:
    """Say whether a column has another text in each row, as one of architectures has."""
    is_text = read_numbers(column).invalid
    return len(column) > 1 and bool(is_text.all()) and read_texts(column).is_unique


def _walk(node: Mapping[Any, Any], path: Path, source: str) -> Iterator[tuple[Path, Any]]:
    """Yield what is not an object itself, and the keys that lead to it."""
    if len(path) > MOST_LEVELS:
        raise DataError(f"{source}: its objects are nested more than {MOST_LEVELS} levels deep.")
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _walk(value, (*path, key), source)
        else:
            yield (*path, key), value


def _level_of_archs(paths: Sequence[Path], space: Space) -> int | None:
    """Return the level whose keys are architectures; numbers are only if there is no other."""
    found = []
    for level in range(min(map(len, paths), default=0)):
        keys = list(dict.fromkeys(path[level] for path in paths))
        readings = read_forms(_cells(keys), space)
        n_read = max((int((each >= 0).sum()) for each in readings.values()), default=0)
        if n_read > len(keys) / 2:
            found.append((not are_numbers(readings, space), len(keys), level))
    return max(found)[2] if found else None


def _by_arch(leaves: Mapping[Path, Any], level: int, space: Space) -> pd.DataFrame:
    """Lay out leaves with one row for each key of a level."""
    rows = {key: row for row, key in enumerate(dict.fromkeys(path[level] for path in leaves))}
    columns: dict[str, list[Any]] = {}
    for path, value in leaves.items():
        name = "/".join(map(str, (*path[:level], *path[level + 1 :]))) or VALUE
        columns.setdefault(name, [None] * len(rows))[rows[path[level]]] = value
    frame = pd.DataFrame({name: _cells(column) for name, column in columns.items()})
    if are_numbers(read_forms(_cells(rows), space), space) and not all(
        are_numbers(read_forms(column, space), space) for _, column in frame.items()
    ):
        return frame  # the keys only number its rows
    frame.insert(0, ARCH if ARCH not in frame else "key", _cells(rows))
    return frame
