"""Parsed files as rows and columns: records, arrays, nested objects, pandas' layouts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import DataError
from harness.scores import contents
from harness.scores.contents import tabulate
from harness.spaces import load_space
from tests.spaces.toy import Toy

SPACE = load_space()
KEYS = [5, 0, 15_624]
ARCHS = [str(SPACE.at(key)) for key in KEYS]
FRAME = pd.DataFrame({"net": ARCHS, "zen": [1.5, 2.5, 0.5]})


def read(content: Any) -> dict[str, list[Any]]:
    frame = tabulate(content, SPACE, "it")
    return {name: frame[name].tolist() for name in frame.columns}


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
@pytest.mark.parametrize("labels", [[0, 1, 2], [7, 8, 9]])
def test_every_layout_of_pandas_gives_the_same_columns(orient: Any, labels: list[int]) -> None:
    """Its row numbers could be read as places in the published order, and are not."""
    frame = FRAME.set_axis(labels, axis=0)
    found = read(json.loads(frame.to_json(orient=orient)))
    found.pop("index", None)  # which `table` writes as a column
    assert found == FRAME.to_dict("list")


def test_lists_of_lists_have_numbered_columns() -> None:
    assert read(FRAME.to_numpy().tolist()) == {"0": ARCHS, "1": [1.5, 2.5, 0.5]}


def test_parallel_arrays_are_columns_and_single_values_hold_for_all_rows() -> None:
    content = {"archs": ARCHS, "acc": np.array([90.0, 91.0, 92.0]), "epochs": 200}
    assert read(content) == {"archs": ARCHS, "acc": [90.0, 91.0, 92.0], "epochs": [200] * 3}


@pytest.mark.parametrize("name", ["data", "rows"])
def test_a_column_called_like_a_list_of_rows_keeps_its_architectures(name: str) -> None:
    """Of all architectures, it was read in the published order, whatever stood beside it."""
    places = [(place * 2) % 15_625 for place in range(15_625)]
    values = [place / 7 for place in places]
    for column in (list(map(str, map(SPACE.at, places))), places):
        assert read({"net": column, name: values}) == {"net": column, name: values}
    assert read({name: values}) == {"nb201_index": list(range(15_625)), "value": values}
    series = json.loads(pd.Series([1.5, 2.5, 0.5], index=KEYS).to_json(orient="split"))
    assert read(series) == {"name": [None] * 3, "index": KEYS, "data": [1.5, 2.5, 0.5]}
    with pytest.raises(DataError, match="there are no rows"):
        read({"columns": ["net", "zen"], name: []})


def test_the_index_of_pandas_split_is_kept_unless_it_only_numbers_the_rows() -> None:
    frame = pd.DataFrame({"zen": [1.5, 2.5, 0.5]}, index=ARCHS)
    assert read(json.loads(frame.to_json(orient="split"))) == {
        "index": ARCHS,
        "zen": [1.5, 2.5, 0.5],
    }
    plain = frame.assign(net=ARCHS).reset_index(drop=True)
    assert read(json.loads(plain.to_json(orient="split"))) == {
        "zen": [1.5, 2.5, 0.5],
        "net": ARCHS,
    }


def test_one_object_is_one_row_even_if_a_cell_is_a_list() -> None:
    assert read({"net": [4, 0, 3, 1, 4, 3], "acc": 90.0}) == {
        "net": [[4, 0, 3, 1, 4, 3]],
        "acc": [90.0],
    }


@pytest.mark.parametrize(
    "keys", [ARCHS, KEYS, [SPACE.at(k).ops for k in KEYS], [str(SPACE.at(k).ops) for k in KEYS]]
)
def test_keys_that_are_architectures_are_the_rows(keys: list[Any]) -> None:
    assert read(dict(zip(keys, [1, 2, 3], strict=True))) == {"arch": keys, "value": [1, 2, 3]}
    trials = [[1.0, 2.0], [3.0], [4.0, 5.0]]
    assert read(dict(zip(keys, trials, strict=True))) == {"arch": keys, "value": trials}


def test_nested_objects_have_the_other_keys_as_names_of_columns() -> None:
    nested = {
        dataset: {
            arch: {"zen": {"score": row + shift, "time": 0.1}, "val_accuracy": 90 + row}
            for row, arch in enumerate(ARCHS[: 3 - shift])
        }
        for shift, dataset in enumerate(("cifar10", "cifar100"))
    }
    assert read(nested) == {
        "arch": ARCHS,
        "cifar10/zen/score": [0, 1, 2],
        "cifar10/zen/time": [0.1] * 3,
        "cifar10/val_accuracy": [90, 91, 92],
        "cifar100/zen/score": [1, 2, None],
        "cifar100/zen/time": [0.1, 0.1, None],
        "cifar100/val_accuracy": [90, 91, None],
    }


def test_of_two_levels_of_numbers_the_longer_one_is_of_architectures() -> None:
    by_epochs = {str(key): {"12": 50.0 + key, "200": 60.0} for key in range(5)}
    found = read(by_epochs)
    assert found["arch"] == list("01234")
    assert found["12"] == [50.0, 51.0, 52.0, 53.0, 54.0]


def test_a_list_of_all_architectures_is_in_the_published_order() -> None:
    values = np.linspace(0, 1, 15_625)
    found = read(values)
    assert found == {"nb201_index": list(range(15_625)), "value": values.tolist()}
    with pytest.raises(DataError, match=r"record 0 .* not an object but '0\.0'.*15,625 numbers"):
        read(values[1:] - values[1])
    with pytest.raises(DataError, match=r"not an object but '0\.0'\. Write one object per row\."):
        tabulate([0.0] * 729, Toy(), "it")


def test_lists_of_all_architectures_by_name_are_in_the_published_order() -> None:
    values = [key / 7 for key in range(15_625)]
    places = list(range(15_625))
    assert read({"zen": values, "nwot": values[::-1]})["nb201_index"] == places
    # Of these, one could be the published index, in another order.
    assert "nb201_index" not in read({"zen": values, "id": places[::-1]})
    assert "nb201_index" not in read({"zen": values[:-1], "nwot": values[1:]})
    # Another text in each row may be its architecture, in a form that nobody reads.
    unknown = [f"net-{key}" for key in reversed(places)]
    assert read({"model": unknown, "zen": values}) == {"model": unknown, "zen": values}
    few = ["a", "b", "c", "d", "e"] * 3_125
    trials = [[value, value + 1.0] for value in values]
    assert read({"host": few, "acc": trials})["nb201_index"] == places


def test_objects_that_are_nested_without_end_are_refused() -> None:
    content: dict[str, Any] = {"a": 1}
    for _ in range(900):
        content = {"a": content}
    with pytest.raises(DataError, match="more than 20 levels deep"):
        read(content)


def test_keys_of_one_record_each_are_left_out_where_there_are_very_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RoBoT's records hold their own number under itself."""
    records = [{str(row): row, "arch": arch} for row, arch in enumerate(ARCHS)]
    assert list(read(records)) == ["0", "arch", "1", "2"]
    monkeypatch.setattr(contents, "MOST_KEYS", 3)
    assert read(records) == {"arch": ARCHS}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (3, "it holds one value of type int, not rows"),
        (None, "of type NoneType"),
        ([], "there are no rows"),
        ({}, "there are no rows"),
        ({"rows": []}, "there are no rows"),
        ([{"a": 1}, 3], "record 1 .* is not an object but '3'"),
        ([[1, 2], [3]], "record 0 .* is not an object but"),
    ],
)
def test_what_has_no_rows_is_refused(content: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read(content)
