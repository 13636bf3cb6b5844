"""Score files of spaces other than the usual one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness.errors import DataError
from harness.scores import (
    ReadOptions,
    load_scores,
    make_score_sets,
    read_score_sets,
    save_scores,
    score_columns,
)
from harness.spaces import Space, load_space
from harness.spaces.lookup import keys_of_rows, name_archs
from harness.spaces.macro.space import Macro
from tests.spaces.endless import Endless
from tests.spaces.indexed import Indexed
from tests.spaces.toy import Toy

each_space = pytest.mark.parametrize(
    "kind", [Macro, Indexed, Toy, Endless], ids=lambda kind: kind.name
)


def make_scores(space: Space, n: int = 12) -> pd.DataFrame:
    scores = pd.DataFrame(name_archs(space.prefix(n), space))
    values = np.linspace(-3.0, -1.0, n)
    return scores.assign(score=values, loss=-values, accuracy=50.0, status="ok")


@each_space
def test_a_file_makes_the_round_trip_and_names_its_space(kind: type[Space], tmp_path: Path) -> None:
    space, path = kind(), tmp_path / "scores.parquet"
    save_scores(make_scores(space), path, space)
    content = pq.read_table(path)
    assert tuple(content.column_names) == score_columns(space)
    assert content.schema.metadata[b"harness_schema"] == b"scores/2"
    loaded = load_scores(path, kind())
    assert keys_of_rows(loaded, kind()).tolist() == list(space.prefix(12))
    assert loaded["score"].tolist() == make_scores(space)["score"].tolist()
    sets = read_score_sets(path, ReadOptions(space=kind()))
    assert sets.space.name == kind.name
    assert sets.sets[0].keys.tolist() == sorted(space.prefix(12))


def test_a_file_of_one_space_is_refused_where_another_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    save_scores(make_scores(Toy()), path, Toy())
    for read in (load_scores, lambda path, space: read_score_sets(path, ReadOptions(space=space))):
        with pytest.raises(DataError, match="it is of the space 'toy', and 'nb201' was asked for"):
            read(path, load_space())
        with pytest.raises(DataError, match="space 'toy', which this version does not know"):
            read(path, None)
    save_scores(make_scores(load_space()), path)
    for read in (load_scores, lambda path, space: read_score_sets(path, ReadOptions(space=space))):
        with pytest.raises(DataError, match="it is of the space 'nb201', and 'toy' was asked for"):
            read(path, Toy())


def test_a_schema_that_does_not_fit_the_space_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    save_scores(make_scores(Toy()), path, Toy())
    content = pq.read_table(path)
    metadata = content.schema.metadata | {b"harness_schema": b"scores/1"}
    pq.write_table(content.replace_schema_metadata(metadata), path)
    with pytest.raises(DataError, match="schema is 'scores/1', and this version reads 'scores/2'"):
        load_scores(path, Toy())


@each_space
def test_an_edited_file_is_refused(kind: type[Space], tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    save_scores(make_scores(kind()), path, kind())
    content = pq.read_table(path)
    edited = content.to_pandas()
    edited.loc[0, "score"] = 7.0
    pq.write_table(content.from_pandas(edited, schema=content.schema), path)
    with pytest.raises(DataError, match="was edited"):
        load_scores(path, kind())
    with pytest.raises(DataError, match="was edited"):
        read_score_sets(path, ReadOptions(space=kind()))


@each_space
def test_somebodys_scores_of_a_space_need_only_strings(kind: type[Space]) -> None:
    frame = make_scores(kind())[["arch", "score"]]
    sets = make_score_sets(frame, "mine", ReadOptions(space=kind()))
    assert sets.sets[0].keys.tolist() == sorted(kind().prefix(12))
    bad = pd.concat([frame, pd.DataFrame({"arch": ["nonsense"], "score": [1.0]})])
    with pytest.raises(DataError, match=f"names no architecture of the space '{kind.name}'"):
        make_score_sets(bad, "mine", ReadOptions(space=kind()))
    with pytest.raises(DataError, match="'arch' repeats an architecture"):
        make_score_sets(pd.concat([frame, frame[:1]]), "mine", ReadOptions(space=kind()))


def test_an_index_is_read_where_a_space_publishes_one_and_nowhere_else() -> None:
    frame = make_scores(Indexed())[["arch_index", "score"]]
    sets = make_score_sets(frame, "mine", ReadOptions(space=Indexed()))
    assert sets.sets[0].keys.tolist() == sorted(Indexed().prefix(12))
    with pytest.raises(DataError, match="no column names architectures of the space 'toy'"):
        make_score_sets(frame, "mine", ReadOptions(space=Toy()))
