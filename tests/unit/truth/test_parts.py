"""The truth of a part of a space is the rows of the whole's table, under its own keys."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.errors import TruthError
from harness.spaces import load_space
from harness.spaces.lookup import name_archs
from harness.truth import default_query, find_truth, load_table, make_table, save_table
from harness.truth.catalogue import list_places, open_table
from harness.truth.importers.importing import place_table, truth_file
from harness.truth.table import TruthTable

WHOLE, PART = load_space("nb101"), load_space("nb101-ss2")
N = 30


@pytest.fixture(name="data", scope="module")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table of NAS-Bench-101: networks of the part, in two trials, and others."""
    own, theirs = PART.keys_in_whole()
    in_whole = dict(zip(own.tolist(), theirs.tolist(), strict=True))
    of_part = [in_whole[key] for key in PART.prefix(N)]
    others = np.setdiff1d(WHOLE.prefix(N), theirs)
    keys = np.concatenate([of_part, of_part, others])
    rows = pd.DataFrame(name_archs(keys, WHOLE)).assign(
        dataset="cifar10", split="test", epochs=108, seed=-1
    )
    rows["trial"] = [*[0] * N, *[1] * N, *[0] * len(others)]
    rows["accuracy"] = np.arange(len(rows)) / 2
    folder = tmp_path_factory.mktemp("data")
    (folder / "nb101").mkdir()
    save_table(make_table(rows, "nb101", {}, space=WHOLE), folder / "nb101" / "truth.parquet")
    return folder


def check(table: TruthTable, data: Path) -> None:
    whole = load_table(data / "nb101" / "truth.parquet")
    assert (whole.space, table.space) == (WHOLE, PART)
    query = default_query("cifar10", PART)
    assert query == default_query("cifar10", WHOLE)
    found, all_found = table.mean(query), whole.mean(query)
    assert found.keys.tolist() == sorted(PART.prefix(N))
    assert (found.n_trials == 2).all()
    by_cell = {
        WHOLE.at(int(key)): v for key, v in zip(all_found.keys, all_found.value, strict=True)
    }
    assert found.value.tolist() == [by_cell[PART.at(key).cell] for key in found.keys.tolist()]
    assert table.columns.is_sound()
    assert table.sha256 != whole.sha256


def test_the_published_table_of_the_whole_is_found_for_a_part(data: Path) -> None:
    check(find_truth("cifar10", data, PART), data)


def test_a_table_of_the_whole_is_opened_by_its_path_and_its_name(data: Path) -> None:
    check(load_table(data / "nb101" / "truth.parquet", PART), data)
    place, table = open_table(None, data, PART)
    assert place.path == data / "nb101" / "truth.parquet"
    check(table, data)
    assert [each.path for each in list_places(data, PART)] == [place.path]


def test_another_table_of_the_part_is_its_own(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    save_table(load_table(data / "nb101" / "truth.parquet", PART), path)
    assert load_table(path).space is PART
    check(load_table(path), data)
    with pytest.raises(TruthError, match="is of the space 'nb101-ss2', and 'nb101' was asked for"):
        load_table(path, WHOLE)


def test_a_table_that_was_imported_for_the_part_comes_first(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "nb101", tmp_path / "nb101")
    rows = load_table(data / "nb101" / "truth.parquet", PART).rows
    mine = make_table(rows.assign(accuracy=rows["accuracy"] / 2), "mine", {}, space=PART)
    assert place_table(mine, truth_file(tmp_path, PART))
    assert find_truth("cifar10", tmp_path, PART).sha256 == mine.sha256
    assert open_table(None, tmp_path, PART)[1].sha256 == mine.sha256
    assert find_truth("cifar10", tmp_path, WHOLE).space is WHOLE


def test_a_table_without_any_network_of_the_part_is_refused(data: Path, tmp_path: Path) -> None:
    rows = load_table(data / "nb101" / "truth.parquet").rows
    others = rows[~rows["arch_index"].isin(PART.keys_in_whole()[1])]
    save_table(make_table(others, "others", {}, space=WHOLE), path := tmp_path / "others.parquet")
    with pytest.raises(TruthError, match=r"'nb101', of which none is in its part 'nb101-ss2'"):
        load_table(path, PART)


def test_a_missing_table_says_what_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"space 'nb101-ss2'.*nb101/truth.*data fetch nb101'"):
        find_truth("cifar10", tmp_path, PART)
