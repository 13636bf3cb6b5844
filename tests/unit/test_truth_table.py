"""Truth tables: what is refused, what is selected, and the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness.errors import TruthError, UsageError
from harness.space.nb201 import arch_at
from harness.truth import (
    TruthQuery,
    TruthTable,
    check_rows,
    default_query,
    load_table,
    make_table,
    save_table,
)

QUERY = TruthQuery("cifar10", "test", 200)


def make_rows() -> pd.DataFrame:
    """Three architectures with three, two and one trials, on two splits."""
    rows: list[dict[str, Any]] = []
    for split in ("valid", "test"):
        for index, n_trials in ((7, 3), (3, 2), (15_624, 1)):
            rows += [
                {
                    "nb201_index": index,
                    "arch_str": str(arch_at(index)),
                    "dataset": "cifar10",
                    "split": split,
                    "epochs": 200,
                    "trial": trial,
                    "seed": -1,
                    "accuracy": 90.0 + trial / 3 + (split == "test"),
                }
                for trial in range(n_trials)
            ]
    return pd.DataFrame(rows)


def make_small_table(**metadata: str) -> TruthTable:
    return make_table(make_rows(), "small", metadata)


Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def setting(column: str, value: object, row: int = 1) -> Spoil:
    def spoil(df: pd.DataFrame) -> pd.DataFrame:
        values = df[column].astype(object).copy()
        values.iloc[row] = value
        return df.assign(**{column: values})

    return spoil


BAD_ROWS: dict[str, tuple[Spoil, str]] = {
    "a missing column": (lambda df: df.drop(columns="trial"), "column 'trial' is missing"),
    "no rows": (lambda df: df.iloc[:0], "there are no rows"),
    "a repeated key": (
        lambda df: pd.concat([df, df.iloc[[2]].assign(seed=5, accuracy=1.0)]),
        r"column 'trial' repeats a key .* in 1 of 13 rows. The first is row 12: nb201_index=7",
    ),
    "a missing accuracy": (
        setting("accuracy", float("nan")),
        "column 'accuracy' is not a number from 0 to 100 .* row 1: .*accuracy=nan",
    ),
    "an accuracy over 100": (setting("accuracy", 100.1), "'accuracy' is not a number .*=100.1"),
    "an accuracy under 0": (setting("accuracy", -0.5), "'accuracy' is not a number .*=-0.5"),
    "an accuracy in words": (setting("accuracy", "good"), "'accuracy' is not a number .*=good"),
    "an unknown architecture": (
        setting("arch_str", "|conv_9x9~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
        "column 'arch_str' names no architecture .* row 1: .*conv_9x9",
    ),
    "a missing architecture": (setting("arch_str", None), "'arch_str' names no architecture"),
    "an index out of range": (
        setting("nb201_index", 15_625),
        "column 'nb201_index' is not an integer from 0 to 15624 .* nb201_index=15625",
    ),
    "a negative index": (setting("nb201_index", -1), "'nb201_index' is not an integer"),
    "half an index": (setting("nb201_index", 1.5), "'nb201_index' is not an integer"),
    "another architecture's index": (
        setting("nb201_index", 8),
        "'arch_str' names another architecture than nb201_index .* nb201_index=8",
    ),
    "a missing trial": (setting("trial", None), "column 'trial' is not an integer"),
    "no epochs": (setting("epochs", 0), "column 'epochs' is not an integer from 1"),
    "a seed in words": (setting("seed", "x"), "column 'seed' is not an integer from -1"),
    "an unknown split": (setting("split", "x-test"), "'split' is not one of valid, test .*x-test"),
    "a missing data set": (setting("dataset", None), "column 'dataset' is empty"),
}


@pytest.mark.parametrize(("spoil", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_rows_are_refused_with_file_column_and_example(spoil: Spoil, message: str) -> None:
    with pytest.raises(TruthError, match=f"my.csv: .*{message}"):
        check_rows(spoil(make_rows()), "my.csv")


@pytest.mark.parametrize("dtype", ["category", "object"])
def test_bad_strings_are_found_whatever_their_type(dtype: str) -> None:
    df = setting("arch_str", "nonsense")(make_rows())
    with pytest.raises(TruthError, match="names no architecture"):
        check_rows(df.astype({"arch_str": dtype}), "my.csv")


def test_categories_that_no_row_uses_do_no_harm() -> None:
    df = make_rows().astype({"arch_str": "category", "split": "category"})
    df["arch_str"] = df["arch_str"].cat.add_categories(["nonsense"])
    df["split"] = df["split"].cat.add_categories(["nonsense"])
    check_rows(df, "my.csv")
    assert make_table(df, "small", {}).sha256 == make_small_table().sha256


def test_trials_are_one_row_an_architecture_with_nan_for_what_lacks() -> None:
    trials = make_small_table().trials(QUERY)
    assert trials.nb201_index.tolist() == [3, 7, 15_624]
    expected = [[91, 91 + 1 / 3, np.nan], [91, 91 + 1 / 3, 91 + 2 / 3], [91, np.nan, np.nan]]
    np.testing.assert_array_equal(trials.accuracy, expected)


def test_means_are_rounded_and_count_their_trials() -> None:
    truth = make_small_table().mean(QUERY)
    assert truth.nb201_index.tolist() == [3, 7, 15_624]
    assert truth.accuracy.tolist() == [91.166667, 91.333333, 91.0]
    assert truth.n_trials.tolist() == [2, 3, 1]


def test_trial_numbers_may_be_seeds() -> None:
    df = make_rows().assign(trial=lambda rows: rows["trial"] * 1000 + 777)
    assert make_table(df, "small", {}).trials(QUERY).accuracy.shape == (3, 3)


def test_a_query_without_rows_says_what_there_is() -> None:
    with pytest.raises(
        TruthError,
        match=r"'small' has no rows for cifar10 test, 12 epochs, mean of trials. It has: "
        r"cifar10 test, 200 epochs \(3 architectures\); cifar10 valid, 200",
    ):
        make_small_table().mean(TruthQuery("cifar10", "test", 12))


def test_queries_say_themselves_in_words() -> None:
    assert str(default_query("cifar10")) == "cifar10 test, 200 epochs, mean of trials"
    assert str(default_query("tiles")) == "tiles test, 12 epochs, mean of trials"


def test_unknown_policies_and_data_sets_are_refused() -> None:
    with pytest.raises(UsageError, match="Unknown truth policy 'median'"):
        TruthQuery("cifar10", "test", 200, "median")
    with pytest.raises(UsageError, match="Did you mean 'cifar10'"):
        default_query("cifar-10")


def test_the_hash_depends_on_content_not_on_order_types_or_extra_columns() -> None:
    table, df = make_small_table(), make_rows()
    other = df.sample(frac=1, random_state=0).assign(flops_m=1.0)
    other = other.astype({"epochs": float, "arch_str": "category", "split": object})
    assert make_table(other, "other", {"a": "b"}).sha256 == table.sha256


@pytest.mark.parametrize(
    ("column", "value"), [("accuracy", 90.000001), ("epochs", 12), ("trial", 9), ("dataset", "x")]
)
def test_the_hash_changes_with_any_key_or_accuracy(column: str, value: object) -> None:
    changed = make_table(setting(column, value, row=0)(make_rows()), "small", {})
    assert changed.sha256 != make_small_table().sha256


def test_a_table_makes_the_round_trip_through_its_file(tmp_path: Path) -> None:
    table = make_small_table(made_from="imagination")
    save_table(table, tmp_path / "truth.parquet")
    loaded = load_table(tmp_path / "truth.parquet")
    pd.testing.assert_frame_equal(loaded.rows, table.rows)
    assert (loaded.name, loaded.metadata) == ("small", {"made_from": "imagination"})
    assert loaded.sha256 == table.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["truth.parquet"]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        save_table(make_small_table(), tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_any_parquet_file_in_the_schema_can_be_loaded(tmp_path: Path) -> None:
    make_rows().to_parquet(tmp_path / "rows.parquet")
    table = load_table(tmp_path / "rows.parquet")
    assert (table.name, table.sha256) == ("rows", make_small_table().sha256)


def test_a_foreign_file_is_checked_in_full(tmp_path: Path) -> None:
    setting("nb201_index", 8)(make_rows()).astype({"nb201_index": int}).to_parquet(
        tmp_path / "rows.parquet"
    )
    with pytest.raises(TruthError, match=r"rows\.parquet: column 'arch_str' names another"):
        load_table(tmp_path / "rows.parquet")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"no truth table at .*nowhere\.parquet"):
        load_table(tmp_path / "nowhere.parquet")


@pytest.mark.parametrize("kept", [0, 3, 100, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "truth.parquet"
    save_table(make_small_table(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(TruthError, match=r"truth\.parquet: this is no whole Parquet file"):
        load_table(path)


def rewrite(path: Path, accuracy: float | None = None, **header: str) -> None:
    """Save a table, then change an accuracy or the header behind its back."""
    save_table(make_small_table(), path)
    content = pq.read_table(path)
    metadata = {key.decode(): value for key, value in content.schema.metadata.items()}
    metadata |= {f"harness_{key}": value for key, value in header.items()}
    if accuracy is not None:
        changed = content.to_pandas()
        changed.loc[0, "accuracy"] = accuracy
        content = content.from_pandas(changed, preserve_index=False)
    pq.write_table(content.replace_schema_metadata(metadata), path)


def test_an_edited_file_is_refused(tmp_path: Path) -> None:
    rewrite(tmp_path / "truth.parquet", accuracy=12.0)
    with pytest.raises(TruthError, match="the rows are not those that were written"):
        load_table(tmp_path / "truth.parquet")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    rewrite(tmp_path / "truth.parquet", schema="truth/2")
    with pytest.raises(TruthError, match="'truth/2', and this version reads 'truth/1'"):
        load_table(tmp_path / "truth.parquet")


def test_a_table_of_another_space_is_refused(tmp_path: Path) -> None:
    rewrite(tmp_path / "truth.parquet", space="darts")
    with pytest.raises(TruthError, match="a table of the space 'darts'"):
        load_table(tmp_path / "truth.parquet")
