"""Which column names the architectures, whatever it is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import harness
from harness.errors import DataError, TruthError, UsageError
from harness.scores import ReadOptions, make_score_sets
from harness.scores.archs import find_archs
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at
from harness.truth import default_query, find_truth
from tests.spaces.toy import Toy
from tests.unit.spaces.nb201.test_forms import as_naslib

SPACE = load_space()
KEYS = [15_624, 7, 0, 300, 6_111, 1_234]
STRINGS = [str(arch_at(key)) for key in KEYS]


NASLIB = [str(as_naslib(arch_at(key))) for key in KEYS]
NUMBERS: dict[str, Any] = {"zen": [0.5, 1.5, -2.0, 7.0, 3.0, 2.5], "params": [12, 400, 31, 7, 9, 2]}


def find(columns: dict[str, Any], **options: Any) -> tuple[list[int], list[str], tuple[str, ...]]:
    found = find_archs(pd.DataFrame(columns | NUMBERS), SPACE, "mine", **options)
    return found.keys.tolist(), [check.column for check in found.checks], found.notes


@pytest.mark.parametrize(
    "name", ["net_str", "genotype", "arch", "architecture", "cell", "config", "net", "", "seed nr"]
)
@pytest.mark.parametrize("values", [STRINGS, [arch_at(key).ops for key in KEYS]])
def test_the_column_is_found_by_its_values(name: str, values: list[Any]) -> None:
    form = None if values is STRINGS else "ops"
    assert find({name: values}, form=form) == (KEYS, [name], ())


def test_row_numbers_called_index_beside_strings_are_passed_over_with_a_note() -> None:
    keys, columns, (note,) = find({"index": range(6), "net_str": STRINGS})
    assert (keys, columns) == (KEYS, ["net_str"])
    assert note == (
        "mine: column 'index' numbers the rows, and is not used; column 'net_str' names the "
        "architectures."
    )


@pytest.mark.parametrize("name", ["nb201_index", "arch"])
def test_row_numbers_called_index_beside_published_indices_are_passed_over_too(name: str) -> None:
    keys, columns, (note,) = find({"index": range(6), name: KEYS})
    assert (keys, columns) == (KEYS, [name])
    assert note.endswith(f"is not used; column '{name}' names the architectures.")
    assert find({"index": KEYS, name: KEYS}) == (KEYS, [name, "index"], ())
    frame = pd.DataFrame({"index": [*KEYS[:-1], 9], name: KEYS, "score": range(6)})
    with pytest.raises(DataError, match=f"'index' names another architecture than '{name}'"):
        make_score_sets(frame, "mine")
    sets = make_score_sets(
        pd.DataFrame({name: KEYS, "a": NUMBERS["zen"]}).reset_index(),
        "mine",
        ReadOptions(score_column="*"),
    )
    assert [each.column for each in sets.sets] == ["a"]  # the row numbers are no scores


@pytest.mark.parametrize("numbers", [[1, 2, 3, 4, 5, 6], [3, 17, 200, 4_000, 5_000, 6_000]])
def test_an_index_that_contradicts_the_strings_is_passed_over_with_a_note(
    numbers: list[int],
) -> None:
    keys, columns, notes = find({"index": numbers, "net_str": STRINGS})
    assert (keys, columns, len(notes)) == (KEYS, ["net_str"], 1)


def test_row_numbers_that_happen_to_agree_need_no_note() -> None:
    first = [str(arch_at(key)) for key in range(6)]
    assert find({"index": range(6), "net_str": first}) == (
        list(range(6)),
        ["net_str", "index"],
        (),
    )


def test_a_published_index_with_a_single_mistake_is_still_one() -> None:
    _, columns, notes = find({"index": [*KEYS[:-1], 9], "net_str": STRINGS})
    assert (columns, notes) == (["net_str", "index"], ())
    frame = pd.DataFrame({"index": [*KEYS[:-1], 9], "net_str": STRINGS, "score": range(6)})
    with pytest.raises(DataError, match=r"'index' names another architecture .* in 1 of 6 rows"):
        make_score_sets(frame, "mine")


def test_an_index_of_its_own_name_must_agree() -> None:
    frame = pd.DataFrame({"nb201_index": range(6), "net_str": STRINGS, "score": range(6)})
    with pytest.raises(DataError, match="'nb201_index' names another architecture than 'net_str'"):
        make_score_sets(frame, "mine")


def test_row_numbers_alone_are_taken_for_the_published_order_and_that_is_said() -> None:
    keys, columns, (note,) = find({"index": range(6)})
    assert (keys, columns) == ([0, 1, 2, 3, 4, 5], ["index"])
    assert "was taken for places in the published order, though it could number the rows" in note
    assert find({"index": KEYS}) == (KEYS, ["index"], ())
    whole = pd.DataFrame({"index": range(15_625), "score": np.arange(15_625)[::-1]})
    assert find_archs(whole, SPACE, "mine").notes == ()


def test_architectures_in_a_column_called_index_are_read_as_any_other() -> None:
    assert find({"index": STRINGS}) == (KEYS, ["index"], ())
    assert find({"index": STRINGS, "arch_index": KEYS})[:2] == (KEYS, ["index"])
    assert find({"index": STRINGS, "nb201_index": KEYS})[:2] == (KEYS, ["index", "nb201_index"])
    series = pd.Series(range(6), index=STRINGS, name="score").reset_index()
    assert make_score_sets(series, "mine").sets[0].keys.tolist() == sorted(KEYS)


def test_a_column_that_may_hold_places_is_named_and_a_single_column_told_how_to_separate() -> None:
    with pytest.raises(DataError, match=r"--arch-column .*, such as id if it holds places in the"):
        find({"id": KEYS, "zen": [0.5] * 6})
    for places in ([*KEYS[:-1], 15_625], [*KEYS[:-1], None], ["a", "b", "c", "d", "e", "f"]):
        with pytest.raises(DataError, match="no column names architectures") as caught:
            find({"id": places, "zen": [0.5] * 6})
        assert "such as id" not in str(caught.value)
    with pytest.raises(DataError, match="separated by commas, tabs or semicolons"):
        find_archs(pd.DataFrame({"net zen": [f"{text} 0.5" for text in STRINGS]}), SPACE, "mine")


@pytest.mark.parametrize("column", ["index", "arch"])
@pytest.mark.parametrize(
    "numbers", [[3, 0, 5, 1, 4, 2], [0, 1, 2, 0, 1, 2], ["1", "2", "3", "4", "5", "6"]]
)
def test_row_numbers_in_any_order_or_for_each_method_are_noted_too(
    column: str, numbers: list[Any]
) -> None:
    keys, columns, (note,) = find({column: numbers})
    assert (keys, columns) == (list(map(int, numbers)), [column])
    assert f"column '{column}' was taken for places in the published order" in note
    assert find({"nb201_index": numbers})[2] == ()  # a name that says so
    with pytest.raises(DataError, match=rf"'{column}' numbers the rows, and column 'model' may"):
        find({column: numbers, "model": [f"resnet{number}" for number in range(6)]})


def test_row_numbers_beside_an_unreadable_column_are_refused_unless_they_are_named() -> None:
    names = [f"resnet{number}" for number in range(6)]
    columns = {"index": range(6), "model": names}
    with pytest.raises(DataError, match=r"'model' may name .* value is 'resnet0'.*--arch-column"):
        find(columns)
    assert find(columns, column="index") == ([0, 1, 2, 3, 4, 5], ["index"], ())
    # A column that repeats itself names no architectures.
    assert find({"index": range(6), "host": ["a", "a", "b", "b", "c", "c"]})[1] == ["index"]


def test_two_orders_of_six_digits_are_never_guessed_but_told_apart_by_strings_or_by_name() -> None:
    with pytest.raises(DataError, match=r"'net' can be read in 2 forms .*--arch-form.*ops, naslib"):
        find({"net": NASLIB})
    assert find({"net": NASLIB}, form="naslib")[0] == KEYS
    assert find({"net": NASLIB, "net_str": STRINGS})[:2] == (KEYS, ["net_str"])
    assert find({"net": NASLIB, "nb201_index": KEYS})[:2] == (KEYS, ["net", "nb201_index"])
    with pytest.raises(UsageError, match="Unknown form of architectures 'naslip'"):
        find({"net": NASLIB}, form="naslip")


def test_of_two_columns_that_differ_the_known_name_decides_and_no_name_is_guessed() -> None:
    others = STRINGS[::-1]
    assert find({"parent": others, "arch_str": STRINGS}) == (KEYS, ["arch_str"], ())
    with pytest.raises(DataError, match=r"'parent' and 'child' name different .*--arch-column"):
        find({"parent": others, "child": STRINGS})
    assert find({"parent": others, "child": STRINGS}, column="child") == (KEYS, ["child"], ())


def test_a_column_of_a_few_bad_architectures_is_found_and_its_bad_rows_are_counted() -> None:
    values = [*STRINGS[:4], "broken", None]
    frame = pd.DataFrame({"cell": values, "score": [1, 2, 3, 4, 5, 6]})
    with pytest.raises(DataError, match=r"'cell' names no architecture .* in 2 of 6 rows"):
        make_score_sets(frame, "mine")
    (only,) = make_score_sets(frame, "mine", ReadOptions(exclude_bad=True)).sets
    assert only.exclusions == {"unknown architecture": 2}
    assert only.keys.tolist() == sorted(KEYS[:4])


def test_a_file_that_nobody_can_read_shows_its_values_and_the_forms() -> None:
    with pytest.raises(DataError, match=r"no column names architectures .*zen: 0\.5.*--arch-col"):
        find({})
    with pytest.raises(DataError, match=r"'arch' names no .*'x0'.*naslib.*--space") as caught:
        find({"arch": [f"x{number}" for number in range(6)]})
    assert "remove" not in str(caught.value)
    with pytest.raises(DataError, match=r"column of architectures 'nat'\. Did you mean 'net'"):
        find({"net": STRINGS}, column="nat")


@pytest.mark.parametrize("values", [KEYS, list(map(str, KEYS)), list(map(float, KEYS))])
def test_an_arch_column_may_hold_the_published_index(values: list[Any]) -> None:
    assert find({"arch": values}) == (KEYS, ["arch"], ())
    assert find({"id": values}, column="id") == (KEYS, ["id"], ())


def test_no_column_of_numbers_is_taken_for_an_index_by_its_values() -> None:
    with pytest.raises(DataError, match="no column names architectures"):
        find({"id": KEYS})


def test_a_space_without_an_index_takes_none() -> None:
    space = Toy()
    names = [space.format(space.at(key)) for key in range(3)]
    frame = pd.DataFrame({"index": range(3), "which": names, "score": [1.0, 2.0, 3.0]})
    found = find_archs(frame, space, "mine")
    assert (found.keys.tolist(), found.checks[0].column) == ([0, 1, 2], "which")
    with pytest.raises(TruthError, match="no column names architectures of the space 'toy'"):
        find_archs(frame[["index", "score"]], space, "mine", error=TruthError)


def test_row_numbers_do_not_decide_tau() -> None:
    """Before, they were taken for published indices: tau was that of another pairing."""
    truth = find_truth("tiles").mean(default_query("tiles"))
    scores = truth.value + np.random.RandomState(0).normal(size=len(truth.keys)) * 8
    archs = [str(arch_at(key)) for key in truth.keys.tolist()]
    frame = pd.DataFrame({"net_str": archs, "score": scores}).reset_index()
    tau = scipy.stats.kendalltau(scores, truth.value).statistic
    result = harness.evaluate(frame, "tiles")
    assert result.tau == pytest.approx(tau, abs=1e-12)
    assert any("column 'index' numbers the rows, and is not used" in line for line in result.words)
