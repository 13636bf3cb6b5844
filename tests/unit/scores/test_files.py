"""Scores files: the round trip, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import DataError, StoreError
from harness.scores import COLUMNS, STATUS_FAILED, STATUS_OK, load_scores, save_scores
from harness.spaces.nb201.encoding import arch_at


def make_scores() -> pd.DataFrame:
    indices = [5, 0, 15_624]
    return pd.DataFrame(
        {
            "nb201_index": indices,
            "arch_str": [str(arch_at(index)) for index in indices],
            "score": [-1.5, -2.25, np.nan],
            "loss": [1.5, 2.25, np.nan],
            "accuracy": [40.0, 30.0, np.nan],
            "status": [STATUS_OK, STATUS_OK, STATUS_FAILED],
        }
    )


Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def setting(column: str, value: object, row: int = 1) -> Spoil:
    def spoil(df: pd.DataFrame) -> pd.DataFrame:
        values = df[column].astype(object).copy()
        values.iloc[row] = value
        return df.assign(**{column: values})

    return spoil


BAD_SCORES: dict[str, tuple[Spoil, str]] = {
    "a missing column": (lambda df: df.drop(columns="score"), "column 'score' is missing"),
    "no rows": (lambda df: df.iloc[:0], "there are no rows"),
    "a repeated architecture": (
        lambda df: pd.concat([df, df.iloc[[0]]]),
        "'nb201_index' repeats an architecture in 1 of 4 rows. The first is row 3",
    ),
    "an unknown architecture": (setting("arch_str", "x"), "'arch_str' names no architecture"),
    "an index out of range": (setting("nb201_index", 15_625), "is not an integer from 0 to"),
    "another architecture's index": (setting("nb201_index", 1), "names another architecture"),
    "no score though ok": (setting("score", np.nan), "'score' is missing although status is 'ok'"),
    "a score though failed": (setting("score", 1.0, row=2), "although status is 'failed'"),
    "a score though dead": (
        lambda df: setting("score", 1.0, row=2)(setting("status", "dead", row=2)(df)),
        "although status is 'dead'",
    ),
    "an infinite score": (setting("score", np.inf), "column 'score' is infinite"),
    "an infinite loss": (setting("loss", -np.inf), "column 'loss' is infinite"),
    "a loss in words": (setting("loss", "low"), "column 'loss' is not a number"),
    "an accuracy over 100": (setting("accuracy", 101.0), "'accuracy' is not from 0 to 100"),
    "an unknown status": (setting("status", "fine"), "'status' is not one of ok, failed"),
    "a score of a label": (setting("status", "label"), "has a value although status is 'label'"),
}


def test_scores_make_the_round_trip_through_their_file(tmp_path: Path) -> None:
    save_scores(make_scores(), tmp_path / "scores.parquet")
    loaded = load_scores(tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(loaded, make_scores().astype({"nb201_index": np.int32}))


def test_a_missing_score_is_null_in_the_file_never_nan(tmp_path: Path) -> None:
    save_scores(make_scores(), tmp_path / "scores.parquet")
    content = pq.read_table(tmp_path / "scores.parquet")
    assert content.column_names == list(COLUMNS)
    assert content["score"].to_pylist() == [-1.5, -2.25, None]


def test_scores_that_all_failed_can_be_saved(tmp_path: Path) -> None:
    df = make_scores().assign(score=None, loss=None, accuracy=None, status=STATUS_FAILED)
    save_scores(df, tmp_path / "scores.parquet")
    assert load_scores(tmp_path / "scores.parquet")["score"].isna().all()


def test_scores_can_be_read_from_csv(tmp_path: Path) -> None:
    make_scores().assign(comment="mine").to_csv(tmp_path / "scores.csv", index=False)
    loaded = load_scores(tmp_path / "scores.csv")
    pd.testing.assert_frame_equal(loaded, make_scores().astype({"nb201_index": np.int32}))


@pytest.mark.parametrize(("spoil", "message"), BAD_SCORES.values(), ids=BAD_SCORES)
def test_bad_scores_are_refused_when_written(spoil: Spoil, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        save_scores(spoil(make_scores()), tmp_path / "scores.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("spoil", "message"), BAD_SCORES.values(), ids=BAD_SCORES)
def test_bad_scores_are_refused_when_read(spoil: Spoil, message: str, tmp_path: Path) -> None:
    spoil(make_scores()).to_csv(tmp_path / "scores.csv", index=False)
    with pytest.raises(DataError, match=rf"scores\.csv: .*{message}"):
        load_scores(tmp_path / "scores.csv")


def test_lists_in_place_of_architectures_are_refused(tmp_path: Path) -> None:
    scores = make_scores()
    scores["arch_str"] = pd.Series([[0]] * len(scores), index=scores.index)
    scores.to_parquet(tmp_path / "scores.parquet")
    with pytest.raises(DataError, match=r"'arch_str' names no architecture .* arch_str=\[0\]"):
        load_scores(tmp_path / "scores.parquet")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no scores file at .*nowhere\.parquet"):
        load_scores(tmp_path / "nowhere.parquet")


@pytest.mark.parametrize("name", ["scores.parquet", "scores.csv"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(DataError, match="not a whole Parquet"):
        load_scores(tmp_path / name)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    save_scores(make_scores(), path)
    content = pq.read_table(path).replace_schema_metadata({"harness_schema": "scores/2"})
    pq.write_table(content, path)
    with pytest.raises(DataError, match="'scores/2', and this version reads 'scores/1'"):
        load_scores(path)


@pytest.mark.parametrize(
    ("column", "value"), [("score", -1.25), ("loss", 1.25), ("accuracy", 41.0)]
)
def test_an_edited_file_whose_hash_no_longer_fits_is_refused(
    column: str, value: float, tmp_path: Path
) -> None:
    path = tmp_path / "scores.parquet"
    save_scores(make_scores(), path)
    content = pq.read_table(path)
    edited = content.to_pandas()
    edited.loc[0, column] = value
    pq.write_table(pa.Table.from_pandas(edited, schema=content.schema), path)
    with pytest.raises(DataError, match=r"scores\.parquet: .* was edited"):
        load_scores(path)


def test_a_folder_that_is_not_there_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="could not be written: No such file or directory"):
        save_scores(make_scores(), tmp_path / "nowhere" / "scores.parquet")
