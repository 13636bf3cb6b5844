"""Rows of one's own: three formats, columns that may be left out, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import TruthError, UsageError
from harness.spaces.nb201.encoding import arch_at
from harness.truth import load_table, make_table, save_table
from harness.truth.importers.importing import import_truth
from harness.truth.metric import make_metric
from tests.published_files import as_rows, make_results

ROWS = as_rows(make_results(4, seed=2))
Write = Callable[[pd.DataFrame, Path], Path]


def to_csv(df: pd.DataFrame, folder: Path) -> Path:
    df.to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def to_tsv(df: pd.DataFrame, folder: Path) -> Path:
    df.to_csv(folder / "rows.tsv", index=False, sep="\t")
    return folder / "rows.tsv"


def to_excels_csv(df: pd.DataFrame, folder: Path) -> Path:
    df.to_csv(folder / "rows.csv", index=False, encoding="utf-8-sig", lineterminator="\r\n")
    return folder / "rows.csv"


def to_semicolons(df: pd.DataFrame, folder: Path) -> Path:
    df.to_csv(folder / "rows.csv", index=False, sep=";")
    return folder / "rows.csv"


def to_nameless(df: pd.DataFrame, folder: Path) -> Path:
    return to_csv(df, folder).rename(folder / "rows.txt")


def to_json(df: pd.DataFrame, folder: Path) -> Path:
    path = folder / "rows.json"
    path.write_text(json.dumps(df.astype(object).to_dict("records")))
    return path


def to_wrapped_json(df: pd.DataFrame, folder: Path) -> Path:
    path = folder / "rows.json"
    path.write_text(json.dumps({"rows": df.astype(object).to_dict("records")}, indent=1))
    return path


def to_json_lines(df: pd.DataFrame, folder: Path) -> Path:
    path = folder / "rows.jsonl"
    lines = [json.dumps(row) for row in df.astype(object).to_dict("records")]
    path.write_text("\n".join(lines) + "\n\n")
    return path


def to_lines_called_json(df: pd.DataFrame, folder: Path) -> Path:
    return to_json_lines(df, folder).rename(folder / "rows.json")


def to_parquet(df: pd.DataFrame, folder: Path) -> Path:
    df.to_parquet(folder / "rows.parquet")
    return folder / "rows.parquet"


def to_parquet_of_categories(df: pd.DataFrame, folder: Path) -> Path:
    texts = [name for name in ("arch_str", "dataset") if name in df]
    return to_parquet(df.astype(dict.fromkeys(texts, "category")), folder)


WRITERS = [
    to_csv,
    to_tsv,
    to_excels_csv,
    to_semicolons,
    to_nameless,
    to_json,
    to_wrapped_json,
    to_json_lines,
    to_lines_called_json,
    to_parquet,
    to_parquet_of_categories,
]
all_formats = pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)


@all_formats
def test_every_format_gives_the_same_table(write: Write, tmp_path: Path) -> None:
    shuffled = ROWS.sample(frac=1.0, random_state=0)
    table = import_truth(write(shuffled, tmp_path))
    rows = table.rows.astype({"arch_str": str, "dataset": str, "split": str})
    pd.testing.assert_frame_equal(rows, ROWS, check_dtype=False, check_exact=True)
    assert table.metadata["importer"] == "harness.truth.importers:rows"


@all_formats
@pytest.mark.parametrize("absent", ["nb201_index", "arch_str"])
def test_index_and_string_follow_from_each_other(write: Write, absent: str, tmp_path: Path) -> None:
    table = import_truth(write(ROWS.drop(columns=absent), tmp_path))
    assert table.sha256 == make_table(ROWS, "same", {}).sha256


@all_formats
def test_a_trial_follows_from_its_seed_whatever_the_order(write: Write, tmp_path: Path) -> None:
    shuffled = ROWS.drop(columns="trial").sample(frac=1.0, random_state=1)
    table = import_truth(write(shuffled, tmp_path))
    assert table.sha256 == make_table(ROWS, "same", {}).sha256


@pytest.mark.parametrize("absent", [["seed", "trial"], ["trial"]])
def test_without_known_seeds_trials_are_numbered_as_they_come(
    tmp_path: Path, absent: list[str]
) -> None:
    unknown = ROWS.assign(seed=-1).iloc[::-1]
    table = import_truth(to_csv(unknown.drop(columns=absent), tmp_path))
    naive = unknown.copy()
    counts: dict[tuple[Any, ...], int] = {}
    for position, row in enumerate(unknown.itertuples(index=False)):
        key = (row.nb201_index, row.dataset, row.split, row.epochs)
        naive.iloc[position, naive.columns.get_loc("trial")] = counts.get(key, 0)
        counts[key] = counts.get(key, 0) + 1
    assert table.sha256 == make_table(naive, "same", {}).sha256
    assert (table.rows.seed == -1).all()


def test_a_seed_that_is_left_empty_is_unknown(tmp_path: Path) -> None:
    some = ROWS.assign(seed=ROWS.seed.where(ROWS.trial == 0))
    rows = import_truth(to_csv(some, tmp_path)).rows
    assert rows.seed.tolist() == ROWS.seed.where(ROWS.trial == 0, -1).tolist()


def test_columns_beyond_the_schema_are_left_out(tmp_path: Path) -> None:
    table = import_truth(to_csv(ROWS.assign(flops_m=1.0, remark="x"), tmp_path))
    assert table.sha256 == make_table(ROWS, "same", {}).sha256


def test_exact_duplicates_are_dropped_counted_and_told(tmp_path: Path) -> None:
    told: list[str] = []
    table = import_truth(to_csv(pd.concat([ROWS, ROWS.iloc[:3]]), tmp_path), tell=told.append)
    assert table.sha256 == make_table(ROWS, "same", {}).sha256
    assert table.metadata["n_dropped_duplicates"] == "3"
    assert "3 rows" in told[0]


@pytest.mark.parametrize(("column", "value"), [("accuracy", 12.5), ("seed", 12)])
def test_rows_that_disagree_for_one_key_are_refused_with_both_values(
    tmp_path: Path, column: str, value: float
) -> None:
    other = ROWS.iloc[[5]].assign(**{column: value})
    key = "nb201_index=0, dataset=.*, split=.*, epochs=.*, trial="
    values = f"{ROWS.accuracy[5]}.*(12.5|seed 12)"
    with pytest.raises(TruthError, match=f"2 rows disagree.*{key}.*accuracies {values}"):
        import_truth(to_csv(pd.concat([ROWS, other]), tmp_path))


def test_a_seed_twice_without_trials_is_a_disagreement_too(tmp_path: Path) -> None:
    other = ROWS.iloc[[5]].assign(accuracy=12.5)
    with pytest.raises(TruthError, match="disagree"):
        import_truth(to_csv(pd.concat([ROWS, other]).drop(columns="trial"), tmp_path))


def test_fractions_are_refused_unless_the_scale_is_named(tmp_path: Path) -> None:
    path = to_csv(ROWS.assign(accuracy=(ROWS.accuracy / 100).round(8)), tmp_path)
    with pytest.raises(TruthError, match=r"look like fractions.*--accuracy-scale 100"):
        import_truth(path)
    rows = import_truth(path, accuracy_scale=100).rows
    np.testing.assert_allclose(rows.accuracy, ROWS.accuracy, rtol=1e-15)
    assert import_truth(path, accuracy_scale=1).rows.accuracy.max() < 1


def test_fractions_of_another_metric_in_percent_are_refused_too(tmp_path: Path) -> None:
    path = to_csv(ROWS.assign(accuracy=(ROWS.accuracy / 100).round(8)), tmp_path)
    mine = make_metric("robust:mine", None, False)
    with pytest.raises(TruthError, match=r"look like fractions.*--accuracy-scale 100"):
        import_truth(path, metric=mine)
    share = make_metric("robust:mine", "share", False)
    assert import_truth(path, metric=share).rows["value"].max() < 1


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_is_no_scale_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(UsageError, match="number above 0"):
        import_truth(to_csv(ROWS, tmp_path), accuracy_scale=scale)


def setting(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def spoil(df: pd.DataFrame) -> pd.DataFrame:
        values = df[column].astype(object).copy()
        values.iloc[1] = value
        return df.assign(**{column: values})

    return spoil


HUGE = 10**30
SPOILT: list[tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = [
    (setting("nb201_index", HUGE), "'nb201_index' is not an integer from 0 to 15624"),
    (setting("nb201_index", 15_625), "'nb201_index' is not an integer"),
    (setting("nb201_index", -1), "'nb201_index' is not an integer"),
    (setting("nb201_index", 0.5), "'nb201_index' is not an integer"),
    (setting("nb201_index", 3), "names another architecture than 'arch_str' says"),
    (setting("arch_str", "|none~0|"), "names no architecture of the space 'nb201'"),
    (setting("arch_str", None), "names no architecture of the space 'nb201'"),
    (setting("dataset", None), "'dataset' is empty"),
    (setting("split", "train"), "'split' is not one of valid, test"),
    (setting("epochs", 0), "'epochs' is not an integer from 1"),
    (setting("epochs", "many"), "'epochs' is not an integer from 1"),
    (setting("trial", -1), "'trial' is not an integer from 0"),
    (setting("trial", HUGE), "'trial' is not an integer from 0"),
    (setting("seed", "x"), "'seed' is not an integer from -1"),
    (setting("seed", HUGE), "'seed' is not an integer from -1"),
    (setting("seed", 2**53), "'seed' is not an integer from -1"),
    (setting("accuracy", None), "'accuracy' is not a number from 0 to 100"),
    (setting("accuracy", "high"), "'accuracy' is not a number from 0 to 100"),
    (setting("accuracy", "inf"), "'accuracy' is not a number from 0 to 100"),
    (setting("accuracy", "nan"), "'accuracy' is not a number from 0 to 100"),
    (setting("accuracy", 100.01), "'accuracy' is not a number from 0 to 100"),
    (setting("accuracy", -0.01), "'accuracy' is not a number from 0 to 100"),
    (lambda df: df.drop(columns="accuracy"), "column 'accuracy' is missing"),
    (lambda df: df.drop(columns="dataset"), "column 'dataset' is missing"),
    (lambda df: df.drop(columns=["epochs", "trial"]), "column 'epochs' is missing"),
    (
        lambda df: df.drop(columns=["nb201_index", "arch_str"]),
        "no column names architectures .* there is dataset, split, .* --arch-column",
    ),
    (
        lambda df: setting("arch_str", "|none~9|+|none~0|")(df).drop(columns="nb201_index"),
        "names no architecture of the space 'nb201' in 1 of .*row 1 .*arch_str=.none~9",
    ),
    (
        lambda df: setting("nb201_index", 15_625)(df).drop(columns="arch_str"),
        "not an integer from 0 to 15624 .*row 1 .*nb201_index=15625",
    ),
    (
        lambda df: setting("nb201_index", HUGE)(df).drop(columns="arch_str"),
        "not an integer from 0 to 15624 .*row 1 .*nb201_index=10{30}",
    ),
]


@pytest.mark.parametrize("write", [to_csv, to_json])
@pytest.mark.parametrize(("spoil", "problem"), SPOILT)
def test_a_row_that_is_not_as_it_should_be_is_named(
    write: Write,
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    problem: str,
    tmp_path: Path,
) -> None:
    path = write(spoil(ROWS), tmp_path)
    with pytest.raises(TruthError, match=problem):
        import_truth(path)


HEADER = "nb201_index,dataset,split,epochs,accuracy\n"
ROW = b'[{"nb201_index": 0, "dataset": "x", "split": "test", "epochs": 1, "accuracy": %s}]'

BROKEN: list[tuple[str, bytes, str]] = [
    ("a.csv", b"", "is empty"),
    ("a.csv", b" \n\n", "is empty"),
    ("a.csv", HEADER.encode(), "there are no rows"),
    ("a.csv", (HEADER + "0,cifar10,test,200,9,9,9,9\n").encode(), "Expected 5 columns, got [68]"),
    ("a.csv", (HEADER + "0,cifar10,test,200,9,\n").encode(), "Expected 5 columns, got [68]"),
    (
        "a.csv",
        b"accuracy," + HEADER.encode() + b"1,0,a,test,200,9\n",
        "'accuracy' is there more than once",
    ),
    (
        "a.csv",
        (HEADER + "0,cifar10,test,200,9\n1,2,3,4,5,6,7,8,9\n").encode(),
        "not a whole CSV file",
    ),
    ("a.csv", (HEADER + '0,"cifar10,test,200,93\n').encode(), "not a whole CSV file"),
    (
        "a.csv",
        HEADER.replace(",", "|").encode() + b"0|cifar10|test|200|93\n",
        "no column names architectures",
    ),
    ("a.csv", HEADER.encode("utf-16"), "is not UTF-8 text .*0xff in position 0"),
    (
        "a.csv",
        HEADER.encode() + "0,cifär,test,200,9\n".encode("latin-1"),
        "is not UTF-8 text .*Row #2",
    ),
    ("a.csv", b"\x00\x01\x02\x03", "there are no rows"),
    ("a.json", b"", "is empty"),
    ("a.json", b"[]", "there are no rows"),
    ("a.json", b"{}", "there are no rows"),
    ("a.json", b"3", "one value of type int, not rows"),
    ("a.json", b"null", "one value of type NoneType, not rows"),
    ("a.json", b'[{"nb201_index": 0}, 3]', "record 1 .* is not an object but .3."),
    ("a.json", b'[{"nb201_index": 0', "not a whole JSON file"),
    ("a.json", ROW % b"NaN", "'accuracy' is not a number from 0 to 100"),
    ("a.json", ROW % b"Infinity", "'accuracy' is not a number from 0 to 100"),
    ("a.json", b"[" * 100_000, "not a whole JSON file"),
    ("a.json", b'[{"accuracy": ' + b"9" * 5_000 + b"}]", "not a whole JSON file"),
    ("a.jsonl", b'{"nb201_index": 0}\n{"nb', "line 2"),
    ("a.jsonl", b"1\n2\n", "record 0 .* is not an object but '1'"),
    ("a.jsonl", b"[1]\n", "no column names architectures"),
    (
        "a.json",
        ROW % (b"1" + b"0" * 400),
        "column 'accuracy' is not a number",
    ),
    ("a.json", b'[{"arch_str": "\\ud800"}]', "holds .ud800, half of a pair"),
    ("a.jsonl", b'{"arch_str": "\\uDFFF"}', "line 1: a text holds .udfff, half of a pair"),
    ("a.parquet", b"", "is empty"),
    ("a.parquet", b"PAR1", "not a whole Parquet file"),
    ("a.parquet", b"hello", "not a whole Parquet file"),
]


@pytest.mark.parametrize(("name", "content", "problem"), BROKEN)
def test_a_file_that_is_not_what_it_is_called_is_refused(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TruthError, match=problem):
        import_truth(tmp_path / name)


@pytest.mark.parametrize("column", ["nb201_index", "arch_str", "dataset", "seed", "accuracy"])
@pytest.mark.parametrize("value", [[1], {"a": 1}, True])
def test_a_value_of_another_type_is_refused(tmp_path: Path, column: str, value: object) -> None:
    row = ROWS.astype(object).to_dict("records")[0] | {column: value}
    (tmp_path / "a.json").write_text(json.dumps([row]))
    if value is True and column in ("seed", "dataset"):
        return
    with pytest.raises(TruthError, match=r"a\.json"):
        import_truth(tmp_path / "a.json")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_parquet_file_that_is_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    path = to_parquet(ROWS, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(TruthError, match="not a whole Parquet file"):
        import_truth(path)


def test_a_parquet_file_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(ROWS)
    twice = table.append_column("accuracy", table["accuracy"])
    pq.write_table(twice, tmp_path / "rows.parquet")
    with pytest.raises(TruthError, match="'accuracy' is there more than once"):
        import_truth(tmp_path / "rows.parquet")


def test_a_parquet_file_of_another_space_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(ROWS)
    for more in ({}, {"harness_schema": "truth/1"}):
        metadata = {"harness_space": "nb301"} | more
        path = tmp_path / "rows.parquet"
        pq.write_table(table.replace_schema_metadata(metadata), path)
        with pytest.raises(TruthError, match="'nb301', which this version does not know"):
            import_truth(path)


def test_a_table_of_the_harness_keeps_what_it_says_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    save_table(make_table(ROWS, "mine", {"protocol": "12 epochs"}), path)
    table = import_truth(path, name="again")
    assert table.name == "again"
    assert table.metadata["protocol"] == "12 epochs"
    assert table.metadata["source_file"] == "own.parquet"
    assert table.sha256 == load_table(path).sha256


def test_a_table_of_the_harness_that_was_edited_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    save_table(make_table(ROWS, "mine", {}), path)
    table = pq.read_table(path)
    frame = table.to_pandas()
    frame.loc[0, "accuracy"] = 1.0
    changed = pa.Table.from_pandas(frame, schema=table.schema)
    pq.write_table(changed, path)
    with pytest.raises(TruthError, match="not those that were written"):
        import_truth(path)


def test_strings_in_another_order_than_the_indices_are_refused(tmp_path: Path) -> None:
    other = {index: str(arch_at((index + 1) % 4)) for index in range(4)}
    path = to_parquet(ROWS.assign(arch_str=ROWS.nb201_index.map(other)), tmp_path)
    with pytest.raises(TruthError, match="names another architecture than 'arch_str' says"):
        import_truth(path)


@pytest.mark.realdata
def test_the_shared_rows_are_imported_whole(data_dir: Path) -> None:
    path = data_dir / "nb201" / "truth_rows.parquet"
    table = import_truth(path)
    assert (len(table.columns), table.n_archs) == (327_831, 15_625)
    assert table.sha256 == load_table(path).sha256
