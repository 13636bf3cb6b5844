"""How files name architectures, and looking many of them up at once, in any space.

Files of `DEFAULT`, which is the space of files that name none, have its index and its strings in
columns of their own; files of any other space say which it is. Arrays hold keys (`Space.key`).

Axis: row, of a file or a frame. Pandas is imported where it is used, since much of the harness
does without it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import ArchError, HarnessError, UsageError
from harness.spaces import DEFAULT, load_space
from harness.spaces.base import Space
from harness.spaces.values import Architecture

if TYPE_CHECKING:
    import pandas as pd

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

SPACE_COLUMN, INDEX_COLUMN = "space", "arch_index"
"""Of files of any space but `DEFAULT`, beside `arch`."""

QUOTED = ("'-", "'+", "'=", "'@")
"""How exported strings begin that a spreadsheet would take for formulas."""

MOST_LISTED = 50_000
"""Architectures of a space whose strings are kept to be looked up; in a larger space each
distinct string is parsed once."""


@dataclass(frozen=True)
class ArchColumns:
    """The columns by which the files of a space name an architecture.

    Attributes:
        space: The name of the space; None in files of `DEFAULT`.
        index: The published index; None where there is none.
        text: The canonical string.
    """

    space: str | None
    index: str | None
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """All that there are, in the order of files."""
        return tuple(name for name in (self.space, self.index, self.text) if name is not None)


def arch_columns(space: Space) -> ArchColumns:
    """Return the columns by which the files of a space name an architecture."""
    if space.name == DEFAULT:
        return ArchColumns(None, space.index_column, "arch_str")
    return ArchColumns(SPACE_COLUMN, space.index_column and INDEX_COLUMN, "arch")


def name_archs(keys: npt.ArrayLike, space: Space) -> dict[str, Any]:
    """Name architectures as files do.

    Args:
        keys: The architectures, [row].
        space: Their space.

    Returns:
        The columns of `arch_columns`, [row] each.
    """
    columns = arch_columns(space)
    distinct, places = np.unique(np.asarray(keys, dtype=np.int64), return_inverse=True)
    names = np.array([space.format(space.at(key)) for key in distinct.tolist()], dtype=object)
    found, texts = distinct[places].tolist(), names[places].tolist()
    cells = {columns.space: [space.name] * len(found), columns.index: found, columns.text: texts}
    return {name: cells[name] for name in columns.names}


def settle_space(
    named: str | None, asked: Space | None, source: str, error: Callable[[str], HarnessError]
) -> Space:
    """Return the space of a file.

    Args:
        named: What the file says; None if it names none.
        asked: The space that the caller asks for; None for whichever it is.
        source: What to call the file in an error.
        error: Makes the error.

    Returns:
        The space: what was asked for where the file names none, else `DEFAULT`.

    Raises:
        HarnessError: If the file is of another space than was asked for, or of an unknown one.
    """
    if asked is not None and named not in (None, asked.name):
        raise error(
            f"{source}: it is of the space '{named:.60}', and '{asked.name}' was asked for. Give a "
            f"file of '{asked.name}', or the file's own space with --space."
        )
    if asked is not None:
        return asked
    try:
        return load_space(DEFAULT if named is None else named)
    except UsageError as unknown:
        raise error(
            f"{source}: it is of the space '{named:.60}', which this version does not know. Name "
            "its class: --space package.module:Class (in Python space=...)."
        ) from unknown


def space_of_rows(
    df: pd.DataFrame, source: str, error: Callable[[str], HarnessError]
) -> str | None:
    """Return the one space that rows name.

    Args:
        df: The rows.
        source: What to call them in an error.
        error: Makes the error.

    Returns:
        Its name; `DEFAULT` where its own index stands for it, None where nothing does.

    Raises:
        HarnessError: If they name several, or none in some rows.
    """
    if SPACE_COLUMN not in df.columns:
        return DEFAULT if load_space().index_column in df.columns else None
    cells = df[SPACE_COLUMN]
    named = list(dict.fromkeys(map(str, cells)))
    if len(named) > 1 or cells.isna().any():
        shown = ", ".join(f"'{name:.40}'" for name in named[:4])
        raise error(
            f"{source}: column '{SPACE_COLUMN}' names {shown}; a file holds one space. Split it."
        )
    return named[0] if named else None


@cache
def _listed(space: Space) -> pd.Index[str] | None:
    """Return the strings of all architectures, by key; None if they are too many."""
    import pandas as pd

    if space.size is None or space.size > MOST_LISTED:
        return None
    return pd.Index([space.format(space.at(key)) for key in range(space.size)])


@cache
def _lookup(space: Space) -> pd.Index[Any] | None:
    """Return the same as objects, to look objects up in."""
    # An index of pandas' `str` converts all of them at every look-up: 3 ms in place of 0.01.
    listed = _listed(space)
    return None if listed is None else listed.astype(object)


def are_nested(column: pd.Series[Any]) -> BoolArray:
    """Say which cells are lists, dictionaries or arrays, which pandas cannot sort."""
    if column.dtype != object:
        return np.zeros(len(column), dtype=np.bool_)
    return np.array([isinstance(cell, (list, dict, np.ndarray)) for cell in column], dtype=np.bool_)


def keys_of_strings(strings: pd.Series[Any], space: Space) -> IntArray:
    """Look up architecture strings, each distinct one once.

    Args:
        strings: Architecture strings, [row]; fastest as a categorical.
        space: The space.

    Returns:
        Keys, [row]; -1 where the string is missing or names no architecture.
    """
    column = strings.where(~are_nested(strings)).astype("category")
    found = keys_of_texts(column.cat.categories.astype(object), space)
    # The last entry serves code -1, pandas' code of a missing value.
    return np.append(found, -1)[column.cat.codes.to_numpy()]


def keys_of_texts(
    texts: Sequence[Any] | pd.Index[Any],
    space: Space,
    read: Callable[[str], Architecture] | None = None,
) -> IntArray:
    """Look up distinct texts.

    Args:
        texts: Names of architectures, [text].
        space: The space.
        read: Reads one text (`Form.read`); the space's `parse` unless given.

    Returns:
        Keys, [text]; -1 where a text names no architecture.
    """
    read = read or space.parse
    lookup = _lookup(space) if read == space.parse else None
    found = np.full(len(texts), -1) if lookup is None else lookup.get_indexer(texts)  # type: ignore[arg-type]
    for position in np.flatnonzero(found < 0).tolist():
        name = str(texts[position])
        with contextlib.suppress(ArchError):  # what `-` begins is exported to CSV behind a quote
            bare = name[1:] if name.startswith(QUOTED) else name
            found[position] = space.key(read(bare))
    return found.astype(np.int64)


def keys_of_numbers(numbers: npt.NDArray[np.float64], space: Space) -> IntArray:
    """Check places in the published order.

    Args:
        numbers: Any numbers, [row].
        space: A space with a published order.

    Returns:
        Keys, [row]; -1 where the number is not an integer from 0 to `size` - 1.
    """
    assert space.size is not None, "an order is published of finitely many"
    known = (numbers >= 0) & (numbers < space.size) & (numbers == np.floor(numbers))
    return np.where(known, numbers, -1).astype(np.int64)


def strings_of_keys(keys: npt.NDArray[np.integer[Any]], space: Space) -> pd.Categorical[str]:
    """Return the canonical strings of architectures, [row]."""
    import pandas as pd

    listed = _listed(space)
    if listed is not None:
        return pd.Categorical.from_codes(keys.tolist(), categories=listed)
    distinct, codes = np.unique(keys, return_inverse=True)
    texts = [space.format(space.at(key)) for key in distinct.tolist()]
    return pd.Categorical.from_codes(codes.astype(np.int64), categories=pd.Index(texts))


def are_judged(keys: IntArray, space: Space) -> BoolArray:
    """Say which architectures figures are of, [row]: all, or the representatives of networks."""
    if space.n_networks is None:
        return np.ones(len(keys), dtype=np.bool_)
    archs = (space.at(key) for key in keys.tolist())
    return np.array([space.identity(arch) == arch for arch in archs], dtype=np.bool_)


def to_numbers(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Return a column as numbers, [row]; NaN where a cell is not a finite number."""
    import pandas as pd

    try:
        numbers = pd.to_numeric(column, errors="coerce")
        return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError, OverflowError):  # a cell that is not a number, or far too large
        return np.array([_to_number(value) for value in column], dtype=np.float64)


def _to_number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return np.nan


class Fault(NamedTuple):
    """What is wrong with some rows.

    Attributes:
        column: Where.
        rows: Which, [row].
        problem: What the column does there, as an error says it.
    """

    column: str
    rows: BoolArray
    problem: str


def arch_faults(df: pd.DataFrame, space: Space) -> Iterator[Fault]:
    """Find rows that name no architecture, or two; the first fault counts.

    Args:
        df: Rows with all columns of `arch_columns`.
        space: Their space.

    Yields:
        What may be wrong; with no rows where it is not.
    """
    columns = arch_columns(space)
    if columns.space is not None:
        other = (df[columns.space] != space.name).to_numpy(dtype=bool)
        yield Fault(columns.space, other, f"is not '{space.name}'")
    named = keys_of_strings(df[columns.text], space)
    unknown = Fault(columns.text, named < 0, f"names no architecture of the space '{space.name}'")
    if columns.index is None:
        yield unknown
        return
    index = keys_of_numbers(to_numbers(df[columns.index]), space)
    problem = f"is not an integer from 0 to {(space.size or 0) - 1}"
    yield Fault(columns.index, index < 0, problem)
    yield unknown
    problem = f"names another architecture than {columns.index} (the published order) says"
    yield Fault(columns.text, named != index, problem)


def keys_of_rows(df: pd.DataFrame, space: Space) -> IntArray:
    """Return the architectures of rows in which `arch_faults` finds nothing, as keys, [row]."""
    columns = arch_columns(space)
    if columns.index is not None:
        return to_numbers(df[columns.index]).astype(np.int64)
    return keys_of_strings(df[columns.text], space)
