"""Columns of architectures: the form is found for all cells at once, and never guessed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import DataError, UsageError
from harness.spaces import Space, load_space
from harness.spaces.reading import read_forms, settle_form
from tests.spaces.endless import Endless
from tests.spaces.indexed import Indexed
from tests.spaces.toy import Toy

SPACE = load_space("nb201")
KEYS = SPACE.prefix(6)
STRINGS = [SPACE.format(SPACE.at(key)) for key in KEYS]
DIGITS = pd.Series(["403143", "243123"], name="net")


def settle(column: pd.Series[Any], **given: Any) -> str:
    return settle_form(read_forms(column, SPACE), column, SPACE, "f.csv", DataError, **given)


@pytest.mark.parametrize("space", [Toy(), Indexed(), Endless()], ids=lambda space: space.name)
def test_any_space_reads_its_strings_and_its_index(space: Space) -> None:
    keys = list(space.prefix(5))
    strings = pd.Series([space.format(space.at(key)) for key in keys])
    assert {name: list(found) for name, found in read_forms(strings, space).items()} == {
        "string": keys
    }
    if space.index_column is not None:
        assert list(read_forms(pd.Series(keys), space)["index"]) == keys
    else:
        assert "index" not in space.forms


def test_cells_that_are_empty_or_of_no_form_are_left_open() -> None:
    column = pd.Series([STRINGS[0], None, STRINGS[1], "  ", "|none~0|", STRINGS[0], np.nan])
    readings = read_forms(column, SPACE)
    assert {name: list(keys) for name, keys in readings.items()} == {
        "string": [KEYS[0], -1, KEYS[1], -1, -1, KEYS[0], -1]
    }


def test_a_form_is_found_whatever_the_first_cell_is() -> None:
    readings = read_forms(pd.Series(["unknown", *range(500)]), SPACE)
    assert list(readings["index"]) == [-1, *range(500)]


def test_a_few_cells_that_another_form_reads_too_do_not_make_a_column_ambiguous() -> None:
    padded = pd.Series(["000012", "000013", "012349", "004567"])  # numbers of records, say
    assert {name: list(keys) for name, keys in read_forms(padded, SPACE).items()} == {
        "index": [12, 13, 12_349, 4_567]
    }
    six_digits = pd.Series(["000012", "000013", "403143"])
    assert list(read_forms(six_digits, SPACE)) == ["ops", "naslib"]


def test_forms_that_name_the_same_architectures_are_one() -> None:
    same = pd.Series([(4, 4, 4, 4, 4, 4)])
    assert list(read_forms(same, SPACE)) == ["ops"]
    assert settle(same) == "ops"


def test_a_long_column_of_numbers_is_no_column_of_architectures() -> None:
    assert read_forms(pd.Series(np.linspace(0.01, 0.99, 20_000)), SPACE) == {}


def test_an_ambiguous_column_is_refused_with_both_meanings() -> None:
    ops, naslib = (SPACE.format(SPACE.forms[each].read("403143")) for each in ("ops", "naslib"))
    with pytest.raises(DataError, match="column 'net' can be read in 2 forms") as caught:
        settle(DIGITS)
    assert f"'403143' is {ops} (ops) or {naslib} (naslib)" in str(caught.value)
    assert "--arch-form (in Python arch_form=...): ops, naslib" in str(caught.value)


@pytest.mark.parametrize("form", ["ops", "naslib"])
def test_the_caller_or_another_column_decides(form: str) -> None:
    keys = read_forms(DIGITS, SPACE)[form]
    assert settle(DIGITS, form=form) == form
    assert settle(DIGITS, known=keys) == form
    assert settle(DIGITS, known=np.where([True, False], keys, -1)) == form


def test_another_column_that_agrees_with_neither_form_decides_nothing() -> None:
    with pytest.raises(DataError, match="can be read in 2 forms"):
        settle(DIGITS, known=np.array([0, 0]))


def test_a_column_of_no_form_is_refused_with_its_first_value_and_the_forms() -> None:
    problem = r"f\.csv: column 'zen' names no architecture of the space 'nb201'"
    with pytest.raises(DataError, match=problem) as caught:
        settle(pd.Series([None, "\x1b[2J", "x"], name="zen"))
    assert r"the first value is '\x1b[2J'" in str(caught.value)
    for name, form in SPACE.forms.items():
        assert f"{name}, {form.example}" in str(caught.value)
    assert "emove" not in str(caught.value)


def test_a_form_that_was_named_and_does_not_fit_is_refused() -> None:
    column = pd.Series(STRINGS, name="net")
    with pytest.raises(DataError, match="in the form 'genotype': the first value is"):
        settle(column, form="genotype")
    with pytest.raises(UsageError, match="Unknown form of architectures 'nasbib'"):
        settle(column, form="nasbib")
