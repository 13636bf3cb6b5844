"""Truth tables of spaces other than the usual one: with an index, without one, and without end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness.errors import DataError, TruthError, UsageError
from harness.spaces import Grid, Space, load_space
from harness.spaces.lookup import arch_columns, name_archs
from harness.spaces.macro.space import Macro
from harness.truth import (
    TruthQuery,
    TruthTable,
    default_query,
    find_truth,
    load_table,
    make_table,
    save_table,
)
from harness.truth import build as truth_build
from harness.truth.build import Protocol, Trained, build_table, build_truth
from harness.truth.catalogue import choose_query, list_places, open_table
from harness.truth.columns import row_columns
from harness.truth.importers.importing import import_truth, truth_file
from harness.truth.overview import describe_table
from harness.truth.parquet import read_columns
from harness.truth.profile import describe_arch
from tests.spaces.endless import Endless
from tests.spaces.indexed import Indexed
from tests.spaces.toy import Toy

QUERY = TruthQuery("tiles", "test", 12)
OTHERS = [Macro, Indexed, Toy, Endless]

each_space = pytest.mark.parametrize("kind", OTHERS, ids=lambda kind: kind.name)


def make_rows(space: Space, n: int = 20) -> pd.DataFrame:
    """Some architectures with one to three trials."""
    trials = [1 + number % 3 for number in range(n)]
    keys = np.repeat(space.prefix(n), trials)
    rows = pd.DataFrame(name_archs(keys, space))
    rows["dataset"], rows["split"], rows["epochs"] = "tiles", "test", 12
    rows["trial"] = np.concatenate([np.arange(count) for count in trials])
    rows["seed"] = rows["trial"]
    rows["accuracy"] = np.arange(len(rows)) * 0.5
    return rows


def make(space: Space) -> TruthTable:
    return make_table(make_rows(space), "mine", {}, space=space)


@each_space
def test_a_table_makes_the_round_trip_and_names_its_space(
    kind: type[Space], tmp_path: Path
) -> None:
    table, path = make(kind()), tmp_path / "t.parquet"
    save_table(table, path)
    content = pq.read_table(path)
    assert tuple(content.column_names) == row_columns(table.space)
    assert set(content["space"].to_pylist()) == {kind.name}
    assert content.schema.metadata[b"harness_schema"] == b"truth/2"
    fresh = kind()  # that has seen no architecture
    with pq.ParquetFile(path) as file:
        assert read_columns(file, fresh) is not None
    loaded = load_table(path, kind())
    assert (loaded.sha256, loaded.space.name) == (table.sha256, kind.name)
    pd.testing.assert_frame_equal(loaded.rows, table.rows)
    assert loaded.select(QUERY).keys.tolist() == sorted(table.space.prefix(20))


@each_space
def test_rows_of_another_program_are_checked_against_the_space(
    kind: type[Space], tmp_path: Path
) -> None:
    rows, space = make_rows(kind()), kind()
    rows.sample(frac=1, random_state=0).to_csv(tmp_path / "mine.csv", index=False)
    table = import_truth(tmp_path / "mine.csv", space=space, accuracy_scale=1)
    assert (table.sha256, table.name) == (make(space).sha256, kind.name)
    # An index or the name of the space may be left out where the caller says which it is.
    rows.drop(columns=["space"]).to_csv(tmp_path / "bare.csv", index=False)
    assert import_truth(tmp_path / "bare.csv", space=space, accuracy_scale=1).sha256 == table.sha256
    rows.assign(arch="nonsense").to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(TruthError, match=f"names no architecture of the space '{kind.name}'"):
        import_truth(tmp_path / "bad.csv", space=space, accuracy_scale=1)


@each_space
def test_an_edited_table_is_refused(kind: type[Space], tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    save_table(make(kind()), path)
    content = pq.read_table(path)
    edited = content.to_pandas()
    edited.loc[0, "accuracy"] = 99.0
    pq.write_table(content.from_pandas(edited, schema=content.schema), path)
    with pytest.raises(TruthError, match="the rows are not those that were written"):
        load_table(path, kind())


def test_a_table_of_one_space_is_refused_where_another_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    save_table(make(Toy()), path)
    with pytest.raises(TruthError, match=r"it is of the space 'toy', and 'nb201' was asked for"):
        load_table(path, load_space())
    with pytest.raises(TruthError, match=r"space 'toy', which this version does not know. Name"):
        load_table(path)
    with pytest.raises(TruthError, match="it is of the space 'toy', and 'endless' was asked for"):
        make_table(make_rows(Toy()), "mine", {}, space=Endless())
    bundled = open_table("nb201-tiles")[1].rows
    with pytest.raises(TruthError, match="it is of the space 'nb201', and 'toy' was asked for"):
        make_table(bundled, "mine", {}, space=Toy())


def test_an_index_and_a_string_that_disagree_are_refused() -> None:
    rows = make_rows(Indexed())
    rows.loc[0, "arch_index"] = rows.loc[3, "arch_index"]
    with pytest.raises(TruthError, match=r"'arch' names another architecture than arch_index"):
        make_table(rows, "mine", {}, space=Indexed())


@each_space
def test_tables_are_found_in_the_folder_of_their_space(
    kind: type[Space], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    space, folder = kind(), tmp_path / "data" / kind.name
    (tmp_path / "data").mkdir()
    assert truth_file(tmp_path / "data", space) == folder / "truth.parquet"
    assert default_query("tiles", space) == QUERY
    with pytest.raises(TruthError, match=rf"'{kind.name}' on tiles: looked for .*{kind.name}"):
        find_truth("tiles", tmp_path / "data", space)
    with pytest.raises(UsageError, match="Unknown image data set with a truth table 'cifar100'"):
        default_query("cifar100", space)
    folder.mkdir()
    save_table(make(space), folder / "tiles.parquet")
    assert find_truth("tiles", tmp_path / "data", space).sha256 == make(space).sha256
    (place,) = list_places(tmp_path / "data", space)
    assert (place.name, place.path) == ("tiles", folder / "tiles.parquet")
    found, table = open_table(None, tmp_path / "data", space)
    assert (found, table.sha256) == (place, make(space).sha256)
    assert choose_query(table) == QUERY


@each_space
def test_a_profile_and_an_overview_ask_the_space(kind: type[Space]) -> None:
    table, space = make(kind()), kind()
    arch = space.at(space.prefix(3)[2])
    said = describe_arch(table, arch).to_dict()
    assert said["arch"] == space.format(arch)
    assert ("arch_index" in said) == (arch_columns(space).index is not None)
    assert said["representative"] == space.format(space.identity(arch))
    assert said["position"] == (None if space.size is None else 3)
    assert [len(standing["trials"]) for standing in said["standings"]] == [3]
    overview = describe_table(table, QUERY)
    assert overview.n == 20
    if isinstance(space, Toy):
        by_name = {(row.what, row.count): row.n for row in overview.counts}
        assert len(by_name) == 3 * 7
        counted = [space.format(space.at(key)).count("c") for key in space.prefix(20)]
        assert by_name["conv", 2] == counted.count(2)
    elif isinstance(space, Grid):
        assert {row.what for row in overview.counts} == {n for slot in space.slots for n in slot}
    else:
        assert overview.counts == ()
    absent = space.at(space.prefix(21)[-1])
    with pytest.raises(TruthError, match=rf"{space.format(absent)},? is not in the truth table"):
        describe_arch(table, absent)


@pytest.mark.parametrize("kind", [Macro, Toy, Endless], ids=lambda kind: kind.name)
def test_a_table_of_another_space_is_built(
    kind: type[Space], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, protocol = kind(), Protocol(channels=4, epochs=1)
    built: list[str] = []

    def pretend(
        stacks: Any, protocol: Protocol, workers: int, space: Space, data: Any, compute: Any
    ) -> Any:
        for key, seeds in stacks:
            built.append(space.format(space.at(key)))
            names = {name: cells[0] for name, cells in name_archs([key], space).items()}
            what = {"dataset": "tiles", "split": "test", "epochs": 1, "accuracy": 50.0}
            rows = [{**names, **what, "trial": s, "seed": s, "cost_s": 1.0} for s in seeds]
            yield Trained(rows, 1.0, 1.0)

    monkeypatch.setattr(truth_build, "_train_all", pretend)
    path = tmp_path / "mine.parquet"
    table = build_table(path, protocol, 6, (0, 1), 1, True, space=space)
    assert built == list(
        dict.fromkeys(space.format(space.identity(space.at(k))) for k in space.prefix(6))
    )
    assert (len(table.columns), table.name) == (12, f"{kind.name}-tiles")
    assert load_table(path, kind()).sha256 == table.sha256
    build_table(path, protocol, 6, (0, 1), 1, True, space=kind())  # nothing is missing
    assert len(built) == len(set(built))
    other = Endless() if kind is not Endless else Toy()
    journal = path.with_suffix(".rows.jsonl")
    with pytest.raises(DataError, match="was begun for"):
        build_truth(journal, protocol, other.prefix(1), (0,), 1, space=other)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Macro, Toy, Endless], ids=lambda kind: kind.name)
def test_a_worker_trains_an_architecture_of_another_space(
    kind: type[Space], tmp_path: Path
) -> None:
    space, protocol = kind(), Protocol(channels=4, epochs=1)
    table = build_table(tmp_path / "t.parquet", protocol, 2, (0, 1), 1, space=space)
    assert len(table.columns) == 2 * 2 * 2
    assert table.n_archs == 2
