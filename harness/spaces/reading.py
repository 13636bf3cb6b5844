"""Reading a column of somebody's table as architectures, in whichever form it has.

A column has one form, which is found once for all of its cells. Where two forms read it and name
different architectures, nothing is guessed: another column decides, or the caller.

Axis: row, of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import HarnessError, unknown_name
from harness.spaces.base import Space
from harness.spaces.lookup import IntArray, keys_of_texts

if TYPE_CHECKING:
    import pandas as pd

Readings = Mapping[str, IntArray]
"""Keys by form, [row] each; -1 where a cell is empty or not of the form."""

_SAMPLED = 100
_LONGEST = 120


def read_forms(column: pd.Series[Any], space: Space) -> Readings:
    """Read a column in every form that it may have.

    Args:
        column: Texts, numbers, lists or dictionaries, [row]; nothing where a cell is empty.
        space: The space of the architectures.

    Returns:
        The readings by those forms that read most of the distinct cells; one of several that read
        all cells alike. Empty if no form reads any; more than one if the column is ambiguous.
    """
    codes, texts = _distinct_texts(column)
    step = max(1, len(texts) // _SAMPLED)
    found = {}
    for name, form in space.forms.items():
        # Most columns have no form at all, and few forms read anything of another's.
        if (keys_of_texts(texts[::step], space, form.read) >= 0).any():
            found[name] = keys_of_texts(texts, space, form.read)
    most = max((int((keys >= 0).sum()) for keys in found.values()), default=0)
    readings: dict[str, IntArray] = {}
    for name, keys in found.items():
        is_new = not any(np.array_equal(keys, found[other]) for other in readings)
        if is_new and (keys >= 0).sum() == most:
            readings[name] = keys
    # The last entry serves code -1, pandas' code of a missing value.
    return {name: np.append(keys, -1)[codes] for name, keys in readings.items()}


def are_numbers(readings: Readings, space: Space) -> bool:
    """Say whether a column is read only as numbers, if at all, which much else is too."""
    return all(space.forms[name].is_number for name in readings)


def _distinct_texts(column: pd.Series[Any]) -> tuple[IntArray, list[str]]:
    """Number the distinct cells, [row], -1 where there is nothing, and write each as text."""
    import pandas as pd

    try:
        codes, distinct = pd.factorize(column)
    except TypeError:  # lists and dictionaries
        codes, distinct = pd.factorize(column.map(_write, na_action="ignore"))
    return codes.astype(np.int64), [_write(cell) for cell in distinct]


def _write(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else str(_plain(cell))


def _plain(value: Any) -> object:
    """Turn arrays and their numbers into Python's own, whose text is the same everywhere."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return _plain(value.tolist()) if isinstance(value, (np.ndarray, np.generic)) else value


def settle_form(
    readings: Readings,
    column: pd.Series[Any],
    space: Space,
    source: str,
    error: Callable[[str], HarnessError],
    *,
    form: str | None = None,
    known: IntArray | None = None,
) -> str:
    """Decide which form a column has.

    Args:
        readings: What `read_forms` returned.
        column: The column, [row].
        space: The space of the architectures.
        source: What to call the table in an error.
        error: Makes the error.
        form: The form that the caller names, if any.
        known: Keys that another column gives, [row], -1 where it does not; None without one.

    Returns:
        The form, a key of `readings`.

    Raises:
        HarnessError: If no form reads the column, not the one that was named, or several do that
            name different architectures and `known` does not decide.
    """
    where = f"{source}: column {str(column.name)!r:.42}"
    if form is not None and form not in space.forms:
        raise unknown_name("form of architectures", form, space.forms)
    if form in readings:
        return str(form)
    if not readings or form is not None:
        wanted = "in any form that is read" if form is None else f"in the form '{form}'"
        first = next(map(_write, column.dropna()), "")
        raise error(
            f"{where} names no architecture of the space '{space.name}' {wanted}: the first value "
            f"is {first!r:.{_LONGEST}}. Write it in a form that is read, or name another column or "
            f"form (--arch-column, --arch-form). Forms: {list_forms(space)}."
        )
    if known is None:
        chosen = list(readings)
    else:
        agreeing = {each: int((keys == known)[keys >= 0].sum()) for each, keys in readings.items()}
        chosen = [each for each, n in agreeing.items() if n == max(agreeing.values())]
    if len(chosen) == 1:
        return chosen[0]
    columns = np.stack([readings[each] for each in chosen])
    row = int(np.flatnonzero((columns != columns[0]).any(axis=0))[0])
    meanings = " or ".join(
        f"{space.format(space.at(int(key)))} ({each})" if key >= 0 else f"none ({each})"
        for each, key in zip(chosen, columns[:, row], strict=True)
    )
    raise error(
        f"{where} can be read in {len(chosen)} forms that name different architectures: "
        f"{_write(column.iloc[row])!r:.{_LONGEST}} is {meanings}. Say which with --arch-form "
        f"(in Python arch_form=...): {', '.join(chosen)}."
    )


def list_forms(space: Space) -> str:
    """List the forms of a space, with an example each."""
    return "; ".join(f"{name}, {form.example}" for name, form in space.forms.items())
