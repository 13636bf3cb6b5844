"""Which columns of somebody's table name its architectures.

Column names differ from one code to the next, so values decide: a column that is read in a form of
the space names the architectures, whatever it is called. Places in the published order are whole
numbers, as much else is: only columns of certain names hold them, and one called `index` is not
believed where it can only number the rows.

Axis: row, of the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.errors import DataError, HarnessError, unknown_name
from harness.scores.cells import read_numbers, read_texts
from harness.scores.columns import numbers_rows
from harness.scores.contents import names_rows
from harness.scores.text import show
from harness.spaces import Space, load_space
from harness.spaces.lookup import (
    INDEX_COLUMN,
    SPACE_COLUMN,
    IntArray,
    arch_columns,
    keys_of_numbers,
)
from harness.spaces.reading import (
    Readings,
    are_numbers,
    list_forms,
    read_forms,
    settle_form,
)
from harness.spaces.values import INDEX_FORM

STRING_COLUMNS = ("arch_str", "arch")
"""Names that say what a column holds: of several columns of architectures, these decide."""

ROW_NUMBERS = "index"
"""A column of the published order, or what pandas' `reset_index` writes: its values tell."""

INDEX_COLUMNS = tuple(filter(None, (arch_columns(load_space()).index, INDEX_COLUMN, ROW_NUMBERS)))
"""Places in a published order: of `DEFAULT`, of other spaces, of either."""

_SAMPLED = 100


class Check(NamedTuple):
    """What a column says, which has to agree with the column that decides.

    Attributes:
        column: Its name.
        keys: Architectures, [row]; -1 where it names none.
        problem: What the column does where it names none, as an error says it.
    """

    column: str
    keys: IntArray
    problem: str


class Archs(NamedTuple):
    """What a table says of which architecture each row is of.

    Attributes:
        checks: The columns that name it, the one that decides first.
        columns: All columns of architectures and of places, also those that need not agree.
        notes: What was decided that may surprise, in sentences.
    """

    checks: tuple[Check, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def keys(self) -> IntArray:
        """Architectures by the column that decides, [row]; -1 where it names none."""
        return self.checks[0].keys


def find_archs(
    frame: pd.DataFrame,
    space: Space,
    source: str,
    *,
    column: str | None = None,
    form: str | None = None,
    skip: Collection[str] = (),
    error: Callable[[str], HarnessError] = DataError,
) -> Archs:
    """Find the columns that name architectures, and read them.

    Args:
        frame: The table, with at least one row.
        space: The space of the architectures.
        source: What to call the table in an error.
        column: The column that the caller names; by default it is found.
        form: The form that the caller names, a key of `Space.forms`; by default it is found.
        skip: Columns that hold something else.
        error: Makes an error of its text.

    Returns:
        The columns, and what they say.

    Raises:
        HarnessError: If no column names architectures, the one that was named is missing or cannot
            be read, its form is ambiguous, or columns name different ones and none decides.
    """
    counts = Counter(frame.columns)
    names = [name for name, count in counts.items() if count == 1 and name not in skip]
    finder = _Finder(frame, space, source, error)
    if column is not None:
        if column not in names:
            hint = unknown_name("column of architectures", show(column), map(show, names))
            raise error(f"{source}: {hint}")
        return Archs((finder.read(column, form),), (column,))
    texts = [name for name in names if finder.is_text(name)]
    texts.sort(key=lambda name: [name != known for known in STRING_COLUMNS])
    return finder.by_texts(texts, names, form) if texts else finder.by_index(names, form)


@dataclass(frozen=True)
class _Finder:
    """Reads columns of one table; the attributes are arguments of `find_archs`."""

    frame: pd.DataFrame
    space: Space
    source: str
    error: Callable[[str], HarnessError]

    def is_text(self, name: str) -> bool:
        """Say whether most cells of a column, or any if it has a known name, are architectures."""
        cells = self.frame[name].dropna()
        sample = cells.iloc[:: max(1, len(cells) // _SAMPLED)]
        readings = read_forms(sample, self.space)
        n_read = max((int((keys >= 0).sum()) for keys in readings.values()), default=0)
        is_most = 2 * n_read > len(sample) or (n_read > 0 and name in STRING_COLUMNS)
        return is_most and not are_numbers(readings, self.space)

    def by_texts(self, texts: Sequence[str], names: Sequence[str], form: str | None) -> Archs:
        """Let the first column of a known name decide, or else the first that is unambiguous."""
        readings = {name: read_forms(self.frame[name], self.space) for name in texts}
        first = min(texts, key=lambda name: (name not in STRING_COLUMNS, len(readings[name]) > 1))
        indices = {each.column: each for each in self._indices(names) if each.column not in texts}
        row_numbers = indices.pop(ROW_NUMBERS, None)
        known = next((each.keys for each in indices.values()), None)
        decider = self.read(first, form, readings[first], known)
        checks, notes = [decider], []
        for name in texts:
            if name == first:
                continue
            keys = max(readings[name].values(), key=lambda keys: int((keys == decider.keys).sum()))
            if name in STRING_COLUMNS:
                checks.append(Check(name, keys, self._problem(name, keys)))
            elif first not in STRING_COLUMNS:
                self._refuse_two(decider, name, keys)
        if row_numbers is not None:
            differs = row_numbers.keys != decider.keys
            if differs.any() and (differs.mean() > 0.5 or self._index_numbers_rows()):
                notes.append(self._say_passed_over(first))
            else:
                checks.append(row_numbers)
        columns = tuple(dict.fromkeys((*texts, *(n for n in INDEX_COLUMNS if n in names))))
        return Archs((*checks, *indices.values()), columns, tuple(notes))

    def by_index(self, names: Sequence[str], form: str | None) -> Archs:
        """Read places in the published order, where no column has another form."""
        named = next((name for name in STRING_COLUMNS if name in names), None)
        checks = [*self._indices(names)]
        if named is not None:
            checks.insert(0, self.read(named, form))
        if not checks:
            raise self._none_named(names)
        columns = tuple(check.column for check in checks)
        notes, first, last = [], checks[0], checks[-1]
        is_beside = len(checks) > 1 and last.column == ROW_NUMBERS
        if is_beside and (last.keys != first.keys).any() and self._index_numbers_rows():
            notes.append(self._say_passed_over(first.column))
            checks.pop()
        has_places = arch_columns(self.space).index is not None
        is_doubtful = has_places and first.column in (ROW_NUMBERS, *STRING_COLUMNS)
        if is_doubtful and _may_number_rows(first.keys):
            self._refuse_row_numbers(first.column, names)
            if len(self.frame) != self.space.size:
                notes.append(
                    f"{self.source}: column '{first.column}' was taken for places in the published "
                    "order, though it could number the rows."
                )
        return Archs(tuple(checks), columns, tuple(notes))

    def read(
        self,
        name: str,
        form: str | None = None,
        readings: Readings | None = None,
        known: IntArray | None = None,
    ) -> Check:
        """Read a column in its form."""
        column = self.frame[name]
        if readings is None:
            readings = read_forms(column, self.space)
        error = self.error if readings else self._hint
        settled = settle_form(
            readings, column, self.space, self.source, error, form=form, known=known
        )
        keys = readings[settled]
        return Check(name, keys, self._problem(name, keys))

    def _hint(self, text: str) -> HarnessError:
        if SPACE_COLUMN in self.frame:
            return self.error(text)
        return self.error(f"{text} A file of another space needs --space (in Python space=...).")

    def _indices(self, names: Sequence[str]) -> Iterator[Check]:
        """Read the columns of the published order that there are."""
        index = arch_columns(self.space).index
        if index is None:
            return
        problem = f"is not an integer from 0 to {(self.space.size or 0) - 1}"
        for name in (index, ROW_NUMBERS):
            if name in names:
                numbers = read_numbers(self.frame[name]).values
                yield Check(name, keys_of_numbers(numbers, self.space), problem)

    def _say_passed_over(self, decider: str) -> str:
        return (
            f"{self.source}: column '{ROW_NUMBERS}' numbers the rows, and is not used; "
            f"column '{show(decider)}' names the architectures."
        )

    def _index_numbers_rows(self) -> bool:
        return numbers_rows(read_numbers(self.frame[ROW_NUMBERS]).values)

    def _problem(self, name: str, keys: IntArray) -> str:
        problem = f"names no architecture of the space '{self.space.name}'"
        index = arch_columns(self.space).index
        if index and read_texts(self.frame[name][keys < 0]).str.isdecimal().any():
            problem += f" (places in the published order go into '{index}')"
        if SPACE_COLUMN not in self.frame and (keys < 0).mean() > 0.5:
            problem += " (a file of another space needs --space)"
        return problem

    def _refuse_two(self, first: Check, second: str, keys: IntArray) -> None:
        """Refuse two columns of architectures that differ, neither of which has a known name."""
        differs = (first.keys != keys) & (first.keys >= 0) & (keys >= 0)
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            cells = (self.frame[name].iloc[row] for name in (first.column, second))
            shown = " and ".join(f"'{show(cell)}'" for cell in cells)
            raise self.error(
                f"{self.source}: columns '{show(first.column)}' and '{show(second)}' name "
                f"different architectures in {int(differs.sum()):,} of {len(differs):,} rows, such "
                f"as row {row} (counted from 0): {shown}. Say which names the architectures with "
                "--arch-column (in Python arch_column=...)."
            )

    def _refuse_row_numbers(self, column: str, names: Sequence[str]) -> None:
        """Refuse row numbers beside a column that may name the architectures in an unknown form."""
        for name in names:
            if names_rows(self.frame[name]):
                raise self.error(
                    f"{self.source}: column '{column}' numbers the rows, and column "
                    f"'{show(name)}' may name the architectures, though in no form that is read: "
                    f"its first value is '{show(self.frame[name].iloc[0], 120)}'. If "
                    f"'{column}' has places in the published order, give --arch-column "
                    f"{column} (in Python arch_column='{column}'). "
                    f"Forms: {list_forms(self.space)}."
                )

    def _none_named(self, names: Sequence[str]) -> HarnessError:
        given = show(", ".join(map(str, self.frame.columns)), 300) or "none"
        cells = "; ".join(f"{show(n)}: {show(self.frame[n].iloc[0], 60)}" for n in names[:3])
        first = f" (first row: {cells})" if cells else ""
        named = "name their column with --arch-column (in Python arch_column=...)"
        place = next((name for name in names if self._holds_places(name)), None)
        if place is not None:
            named += f", such as {show(place)} if it holds places in the published order"
        if len(self.frame.columns) == 1 and " " in f"{names} {cells}":
            named += "; columns of a text file are separated by commas, tabs or semicolons"
        return self.error(
            f"{self.source}: no column names architectures of the space '{self.space.name}'; there "
            f"is {given}{first}. Write the architectures in a form that is read, or {named}. "
            f"Forms: {list_forms(self.space)}."
        )

    def _holds_places(self, name: str) -> bool:
        places = read_forms(self.frame[name], self.space).get(INDEX_FORM, np.zeros(1) - 1)
        return bool((places >= 0).all()) and len(np.unique(places)) == len(self.frame) > 1


def _may_number_rows(keys: IntArray) -> bool:
    """Say whether places are the first ones there are, in whatever order: row numbers may be."""
    distinct = np.unique(keys[keys >= 0])
    return len(distinct) > 0 and any(
        np.array_equal(distinct, np.arange(len(distinct)) + start) for start in (0, 1)
    )
