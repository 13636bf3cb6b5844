"""Which truth tables are found, by which name, and which numbers are meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import DataError, TruthError, UsageError
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at
from harness.truth import TruthQuery, TruthTable, find_truth, make_table, save_table
from harness.truth.catalogue import choose_query, list_places, open_table
from harness.truth.sources import open_file


def make_rows(**constants: Any) -> pd.DataFrame:
    rows = {"nb201_index": [0, 1], "arch_str": [str(arch_at(0)), str(arch_at(1))]}
    usual = {"dataset": "cifar10", "split": "test", "epochs": 200, "trial": 0, "seed": 777}
    return pd.DataFrame(rows).assign(**{**usual, "accuracy": 90.0, **constants})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user cache folder, absent, and no data folder set."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    return tmp_path / "cache" / "harness"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with rows to import."""
    (tmp_path / "data" / "nb201").mkdir(parents=True)
    make_rows().to_parquet(tmp_path / "data" / "nb201" / "truth_rows.parquet")
    return tmp_path / "data"


def names(data_dir: Path | None) -> dict[str, str]:
    return {place.name: place.origin for place in list_places(data_dir)}


def test_without_any_data_there_is_the_package_own_table(cache: Path) -> None:
    assert names(None) == {"nb201-tiles": "package"}
    place, table = open_table(None)
    assert (place.name, table.name) == ("nb201-tiles", "nb201-tiles")


def test_the_published_table_goes_before_the_bundled_one(cache: Path, data: Path) -> None:
    assert names(data) == {"nb201-tiles": "package", "nb201": "data folder"}
    place, table = open_table(None, data)
    assert (place.name, place.path.name) == ("nb201", "truth_rows.parquet")
    assert table.sha256 == find_truth("cifar10", data).sha256
    (converted,) = [place for place in list_places(data) if place.origin == "user cache"]
    assert open_file(converted.path, load_space()).sha256 == table.sha256
    assert open_table(converted.name, data)[1].sha256 == table.sha256


def test_a_table_takes_the_name_from_rows_beside_it(cache: Path, data: Path) -> None:
    save_table(make_table(make_rows(accuracy=1.0), "x", {}), data / "nb201" / "truth.parquet")
    save_table(make_table(make_rows(accuracy=2.0), "x", {}), data / "nb201" / "mine.parquet")
    assert list(names(data)) == ["nb201-tiles", "nb201", "mine", "truth_rows"]
    accuracy = {
        place.name: open_file(place.path, load_space()).columns.value[0]
        for place in list_places(data)
        if place.origin == "data folder"
    }
    assert accuracy == {"nb201": 1.0, "mine": 2.0, "truth_rows": 90.0}


def test_a_name_that_is_taken_is_not_given_twice(cache: Path, data: Path) -> None:
    path = data / "nb201" / "nb201-tiles.parquet"
    save_table(make_table(make_rows(), "x", {}), path)
    assert str(path) in names(data)
    assert open_table("nb201-tiles", data)[0].origin == "package"
    assert open_table(str(path), data)[1].name == "x"


def test_the_user_cache_counts_as_data_folder_where_none_is_named(cache: Path, data: Path) -> None:
    cache.mkdir(parents=True)
    (data / "nb201").rename(cache / "nb201")
    assert names(None)["nb201"] == "data folder"
    (data.parent / "other").mkdir()
    assert names(data.parent / "other") == {
        "nb201-tiles": "package",
        "cache-truth_rows": "user cache",
    }


def test_a_path_names_any_table(cache: Path, tmp_path: Path, monkeypatch: Any) -> None:
    save_table(make_table(make_rows(), "mine", {}), tmp_path / "mine.parquet")
    save_table(make_table(make_rows(), "mine", {}), tmp_path / "plain")
    monkeypatch.chdir(tmp_path)
    for text in ("mine.parquet", "./plain", "plain", str(tmp_path / "mine.parquet")):
        place, table = open_table(text)
        assert (table.name, place.origin) == ("mine", "path")


@pytest.mark.parametrize("text", ["nowhere.parquet", "./nowhere", "~/no/where", "x/" + "y" * 9000])
def test_a_path_to_nothing_is_named(cache: Path, text: str) -> None:
    with pytest.raises(TruthError, match=r"no truth table at|not a whole Parquet file"):
        open_table(text)


@pytest.mark.parametrize("text", ["nb20", "nb201-tile", "", "x" * 9000, "a\0b"])
def test_a_name_of_nothing_is_refused_with_those_that_there_are(
    cache: Path, data: Path, text: str
) -> None:
    with pytest.raises(UsageError, match=r"Available: nb201, nb201-tiles. Or give the path"):
        open_table(text, data)


def test_asking_for_an_absent_published_table_says_where_it_was_looked_for(cache: Path) -> None:
    with pytest.raises(TruthError, match=r"looked for '.*truth\.parquet' and"):
        open_table("nb201")


def test_a_damaged_published_table_is_not_silently_replaced(cache: Path, data: Path) -> None:
    (data / "nb201" / "truth_rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(TruthError, match="not a whole Parquet file"):
        open_table(None, data)
    assert open_table("nb201-tiles", data)[1].name == "nb201-tiles"


def test_a_missing_data_folder_is_an_error_except_for_what_does_not_need_it(
    cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        open_table(None, tmp_path / "nowhere")
    assert open_table("nb201-tiles", tmp_path / "nowhere")[1].name == "nb201-tiles"


def make_mixed_table() -> TruthTable:
    keys = [("cifar10", "test", 12), ("cifar10", "test", 200), ("cifar10-valid", "valid", 200)]
    keys += [("own", "valid", 5), ("own", "valid", 50), ("own", "test", 5)]
    parts = [make_rows(dataset=d, split=s, epochs=e) for d, s, e in keys]
    return make_table(pd.concat(parts), "mixed", {})


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({}, "cifar10 test, 200 epochs"),
        ({"epochs": 12}, "cifar10 test, 12 epochs"),
        ({"split": "valid"}, "cifar10-valid valid, 200 epochs"),
        ({"dataset": "cifar10-valid"}, "cifar10-valid valid, 200 epochs"),
        ({"dataset": "own"}, "own test, 5 epochs"),
        ({"dataset": "own", "split": "valid"}, "own valid, 50 epochs"),
        ({"epochs": 5}, "own test, 5 epochs"),
        ({"dataset": "absent"}, "absent test, 200 epochs"),
        ({"dataset": "", "split": ""}, " , 200 epochs"),
    ],
)
def test_what_is_left_open_is_filled_in_always_the_same_way(
    given: dict[str, Any], chosen: str
) -> None:
    assert str(choose_query(make_mixed_table(), **given)) == f"{chosen}, mean of trials"


def test_the_policy_is_kept() -> None:
    query = choose_query(make_mixed_table(), policy="trial=1")
    assert query == TruthQuery("cifar10", "test", 200, "trial=1")
