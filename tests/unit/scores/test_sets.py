"""Anybody's scores: what is read, what is refused, and what is left out but counted."""

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

from harness.errors import DataError
from harness.scores import (
    STATUS_FAILED,
    STATUS_OK,
    ReadOptions,
    make_score_sets,
    read_score_sets,
    save_scores,
    show,
)
from harness.spaces.nb201.encoding import arch_at

INDICES = (15_624, 7, 0, 300)
SCORES = (0.5, -1.25, 3.0, 0.75)


def make_frame() -> pd.DataFrame:
    return pd.DataFrame({"arch_str": [str(arch_at(i)) for i in INDICES], "score": SCORES})


def write_csv(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "mine.csv", index=False)
    return folder / "mine.csv"


def write_tsv(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "mine.tsv", index=False, sep="\t")
    return folder / "mine.tsv"


def write_semicolons_with_a_byte_order_mark(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "mine.csv", index=False, sep=";", encoding="utf-8-sig")
    return folder / "mine.csv"


def write_blanks_and_windows_lines(frame: pd.DataFrame, folder: Path) -> Path:
    text = frame.to_csv(index=False, lineterminator="\r\n").replace(",", " , ")
    (folder / "mine.csv").write_bytes(text.encode())
    return folder / "mine.csv"


def write_parquet(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_parquet(folder / "mine.parquet")
    return folder / "mine.parquet"


def write_parquet_with_an_index(frame: pd.DataFrame, folder: Path) -> Path:
    frame.set_index("arch_str").to_parquet(folder / "mine.parquet")
    return folder / "mine.parquet"


def write_parquet_of_categories(frame: pd.DataFrame, folder: Path) -> Path:
    frame.astype({"arch_str": "category"}).to_parquet(folder / "mine.parquet")
    return folder / "mine.parquet"


def write_json(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_json(folder / "mine.json", orient="records")
    return folder / "mine.json"


def write_json_lines(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_json(folder / "mine.jsonl", orient="records", lines=True)
    return folder / "mine.jsonl"


def write_json_lines_named_json(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_json(folder / "mine.json", orient="records", lines=True)
    return folder / "mine.json"


WRITERS = (
    write_csv,
    write_tsv,
    write_semicolons_with_a_byte_order_mark,
    write_blanks_and_windows_lines,
    write_parquet,
    write_parquet_with_an_index,
    write_parquet_of_categories,
    write_json,
    write_json_lines,
    write_json_lines_named_json,
)


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_every_kind_of_file_gives_the_same_scores_in_the_published_order(
    write: Callable[[pd.DataFrame, Path], Path], tmp_path: Path
) -> None:
    path = write(make_frame(), tmp_path)
    read = read_score_sets(path)
    (only,) = read.sets
    assert only.keys.tolist() == [0, 7, 300, 15_624]
    assert only.score.tolist() == [[3.0, -1.25, 0.75, 0.5]]
    assert (only.method, only.seeds, only.exclusions) == (None, (None,), {})
    assert (read.n_rows, only.column, only.lower_is_better) == (4, "score", False)
    assert read.source == str(path)


@pytest.mark.parametrize("name", ["arch_str", "arch", "nb201_index", "index"])
def test_architectures_come_as_strings_or_as_places_in_the_published_order(name: str) -> None:
    archs = INDICES if "index" in name else [str(arch_at(i)) for i in INDICES]
    (only,) = make_score_sets(pd.DataFrame({name: archs, "score": SCORES}), "mine").sets
    assert only.keys.tolist() == sorted(INDICES)


def test_a_named_index_stands_for_a_column() -> None:
    series = pd.Series(SCORES, index=pd.Index(INDICES, name="nb201_index"), name="score")
    (only,) = make_score_sets(series.to_frame(), "mine").sets
    assert only.keys.tolist() == sorted(INDICES)


def test_lower_is_better_turns_the_sign_once_and_is_recorded() -> None:
    frame = make_frame().rename(columns={"score": "loss"})
    read = make_score_sets(frame, "mine", ReadOptions(score_column="loss", lower_is_better=True))
    assert read.sets[0].score.tolist() == [[-3.0, 1.25, -0.75, -0.5]]
    assert (read.sets[0].column, read.sets[0].lower_is_better) == ("loss", True)


def test_seeds_and_methods_are_told_apart_and_what_a_seed_lacks_is_nan() -> None:
    frame = pd.DataFrame(
        {
            "nb201_index": [3, 5, 3, 5, 3, 9],
            "score": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "seed": [1, 1, 0, 0, 7, 7],
            "method": ["b", "b", "b", "b", "a", "a"],
        }
    )
    first, second = make_score_sets(frame, "mine").sets
    assert (first.method, first.seeds) == ("b", (0, 1))
    assert first.score.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    assert (second.method, second.seeds, second.score.tolist()) == ("a", (7,), [[5.0, 6.0]])
    incomplete = make_score_sets(frame.iloc[:3], "mine").sets[0]
    np.testing.assert_array_equal(incomplete.score, [[3.0, np.nan], [1.0, 2.0]])


def test_equal_numbers_stay_equal_and_each_is_read_to_the_last_bit(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).normal(size=500)
    frame = pd.DataFrame({"nb201_index": np.arange(500), "score": scores})
    assert read_score_sets(write_csv(frame, tmp_path)).sets[0].score.tolist() == [scores.tolist()]


def put(column: str, value: object, row: int = 1) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object).copy()
        values.iloc[row] = value
        return frame.assign(**{column: values})

    return spoil


def repeat(score: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame, frame.iloc[[1]].assign(score=score)], ignore_index=True)

    return spoil


def with_index(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(nb201_index=INDICES)


def disagree(frame: pd.DataFrame) -> pd.DataFrame:
    return with_index(frame).assign(nb201_index=[15_624, 8, 0, 300])


UNKNOWN = "'arch_str' names no architecture of the space 'nb201' in 1 of 4 rows. The first is row 1"
NO_INTEGER = "'nb201_index' is not an integer from 0 to 15624 in 1 of 4 rows"

BAD_ROWS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str, dict[str, int]]] = {
    "no score": (put("score", None), "'score' is missing or NaN", {"no score": 1}),
    "a score that says nan": (put("score", "NaN"), "is missing or NaN", {"no score": 1}),
    "a score in words": (
        put("score", "high"),
        "'score' is not a number in 1 of 4 rows. The first is row 1 .*score=high",
        {"score not a number": 1},
    ),
    "a score with a decimal comma": (
        put("score", "0,5"),
        "not a number",
        {"score not a number": 1},
    ),
    "a score of Python's": (put("score", "1_0"), "not a number", {"score not a number": 1}),
    "an infinite score": (put("score", np.inf), "'score' is infinite", {"infinite score": 1}),
    "a score beyond range": (put("score", "-1e999"), "is infinite", {"infinite score": 1}),
    "an unknown string": (put("arch_str", "|none~0|"), UNKNOWN, {"unknown architecture": 1}),
    "no string": (put("arch_str", None), UNKNOWN, {"unknown architecture": 1}),
    "an index as a string": (
        put("arch_str", "7"),
        r"places in the published order go into 'nb201_index'\) in 1 of 4 rows",
        {"unknown architecture": 1},
    ),
    "an index out of range": (
        lambda frame: put("nb201_index", 15_625)(with_index(frame)),
        NO_INTEGER,
        {"unknown architecture": 1},
    ),
    "a negative index": (
        lambda frame: put("nb201_index", -1)(with_index(frame)),
        NO_INTEGER,
        {"unknown architecture": 1},
    ),
    "half an index": (
        lambda frame: put("nb201_index", 7.5)(with_index(frame)),
        NO_INTEGER,
        {"unknown architecture": 1},
    ),
    "another architecture's index": (
        disagree,
        "'nb201_index' names another architecture than 'arch_str' says",
        {"string and index disagree": 1},
    ),
    "a copy of a row": (
        repeat(-1.25),
        "'arch_str' repeats an architecture in 1 of 5 rows. The first is row 4",
        {"repeated with the same score": 1},
    ),
    "a contradiction by a larger score": (
        repeat(9.0),
        "repeats an architecture, with other scores, in 2 of 5 rows. The first is row 1",
        {"repeated with different scores": 2},
    ),
    "a contradiction by a smaller score": (
        repeat(-9.0),
        "repeats an architecture, with other scores, in 2 of 5 rows. The first is row 1",
        {"repeated with different scores": 2},
    ),
    "a seed in words": (
        lambda frame: put("seed", "first")(frame.assign(seed=0)),
        "'seed' is not an integer from 0",
        {"bad seed": 1},
    ),
    "no method": (
        lambda frame: put("method", "  ")(frame.assign(method="mine")),
        "'method' is empty",
        {"no method": 1},
    ),
}


@pytest.mark.parametrize(("spoil", "message", "_"), BAD_ROWS.values(), ids=BAD_ROWS)
@pytest.mark.parametrize("write", [write_csv, write_json, write_json_lines])
def test_bad_rows_are_refused_with_file_row_and_value(
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    message: str,
    _: object,
    write: Callable[[pd.DataFrame, Path], Path],
    tmp_path: Path,
) -> None:
    path = write(spoil(make_frame()), tmp_path)
    # JSON of pandas writes an infinite number as null.
    message = message if write is write_csv else message.replace("is infinite", "is (missing|inf)")
    with pytest.raises(DataError, match=rf"mine\.\w+: column .*{message}.*--exclude-bad"):
        read_score_sets(path)


@pytest.mark.parametrize(("spoil", "_", "exclusions"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_rows_can_be_left_out_and_are_counted(
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    _: object,
    exclusions: dict[str, int],
    tmp_path: Path,
) -> None:
    path = write_csv(spoil(make_frame()), tmp_path)
    read = read_score_sets(path, ReadOptions(exclude_bad=True))
    (only,) = read.sets
    assert only.exclusions == exclusions
    is_copy = "repeated with the same score" in exclusions
    assert only.keys.tolist() == ([0, 7, 300, 15_624] if is_copy else [0, 300, 15_624])
    assert read.n_rows == len(spoil(make_frame()))


@pytest.mark.parametrize("value", [[1.0], {"a": 1}, True, "\x1b[2J"])
def test_a_score_of_another_type_is_refused(value: object, tmp_path: Path) -> None:
    rows = [{"nb201_index": 1, "score": 0.5}, {"nb201_index": 2, "score": value}]
    (tmp_path / "mine.json").write_text(json.dumps(rows))
    with pytest.raises(DataError, match="'score' is not a number in 1 of 2 rows") as caught:
        read_score_sets(tmp_path / "mine.json")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("values", [[True, False], [pd.Timestamp(0), pd.Timestamp(1)]])
def test_columns_that_are_no_numbers_are_refused(values: list[Any], tmp_path: Path) -> None:
    frame = pd.DataFrame({"nb201_index": [1, 2], "score": values})
    with pytest.raises(DataError, match="'score' is not a number in 2 of 2 rows"):
        read_score_sets(write_parquet(frame, tmp_path))


def test_constant_scores_are_refused() -> None:
    with pytest.raises(DataError, match="one and the same score for all architectures"):
        make_score_sets(make_frame().assign(score=1.0), "mine")


def test_two_equal_scores_are_no_ranking() -> None:
    with pytest.raises(DataError, match="one and the same score for all architectures"):
        make_score_sets(make_frame()[:2].assign(score=1.0), "mine")


def test_one_constant_seed_of_two_can_be_left_out() -> None:
    one = make_frame().assign(seed=0, score=1.0)
    read = make_score_sets(
        pd.concat([one, make_frame().assign(seed=1)]), "mine", ReadOptions(exclude_bad=True)
    )
    assert read.sets[0].exclusions == {"constant scores": 4}
    assert (read.sets[0].seeds, read.sets[0].score.shape) == ((1,), (1, 4))


def test_a_single_architecture_is_not_called_constant() -> None:
    assert make_score_sets(make_frame()[:1], "mine").sets[0].score.tolist() == [[0.5]]


def test_when_nothing_is_left_the_reasons_are_said() -> None:
    with pytest.raises(DataError, match=r"nothing is left of 4 rows\. Left out: 4 constant scores"):
        make_score_sets(make_frame().assign(score=1.0), "mine", ReadOptions(exclude_bad=True))
    with pytest.raises(DataError, match="Left out: 4 no score"):
        make_score_sets(make_frame().assign(score=np.nan), "mine", ReadOptions(exclude_bad=True))


def test_exclusions_are_counted_by_method_too() -> None:
    frame = pd.concat([make_frame().assign(method=name) for name in "ab"], ignore_index=True)
    read = make_score_sets(put("score", None, row=5)(frame), "mine", ReadOptions(exclude_bad=True))
    assert [only.exclusions for only in read.sets] == [{}, {"no score": 1}]


def test_the_harness_s_own_files_are_read_and_failed_architectures_counted(tmp_path: Path) -> None:
    frame = with_index(make_frame()).assign(loss=1.0, accuracy=50.0, status=STATUS_OK)
    frame.loc[1, ["score", "status"]] = [np.nan, STATUS_FAILED]
    save_scores(frame, tmp_path / "scores.parquet")
    read = read_score_sets(tmp_path / "scores.parquet")
    assert read.sets[0].exclusions == {"failed": 1}
    assert read.sets[0].keys.tolist() == [0, 300, 15_624]


def test_an_edited_file_of_the_harness_s_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    save_scores(with_index(make_frame()).assign(loss=1.0, accuracy=50.0, status=STATUS_OK), path)
    content = pq.read_table(path)
    edited = content.to_pandas().assign(score=[4.0, 3.0, 2.0, 1.0])
    pq.write_table(pa.Table.from_pandas(edited, schema=content.schema), path)
    with pytest.raises(DataError, match=r"scores\.parquet: .* was edited"):
        read_score_sets(path)


def test_a_status_of_somebody_else_s_means_nothing() -> None:
    frame = make_frame().assign(status="done")
    assert make_score_sets(frame, "mine").sets[0].score.shape == (1, 4)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    content = pa.Table.from_pandas(make_frame())
    path = tmp_path / "mine.parquet"
    pq.write_table(content.replace_schema_metadata({"harness_schema": "scores/2"}), path)
    with pytest.raises(DataError, match="its schema is 'scores/2'"):
        read_score_sets(path)


COLUMNS_AT_FAULT: dict[str, tuple[pd.DataFrame, str]] = {
    "no architectures": (make_frame()[["score"]], "no column names architectures.*there is score"),
    "no scores": (make_frame()[["arch_str"]], "Unknown column of scores 'score'"),
    "scores by another name": (
        make_frame().rename(columns={"score": "scores"}),
        "Did you mean 'scores'.*--score-column",
    ),
    "no rows": (make_frame()[:0], "there are no rows"),
}


@pytest.mark.parametrize(("frame", "message"), COLUMNS_AT_FAULT.values(), ids=COLUMNS_AT_FAULT)
@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_missing_columns_and_rows_are_named(
    frame: pd.DataFrame,
    message: str,
    write: Callable[[pd.DataFrame, Path], Path],
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match=rf"mine\.\w+: .*{message}"):
        read_score_sets(write(frame, tmp_path))


def whole(name: str) -> bytes:
    if name.endswith("parquet"):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pandas(make_frame()), sink)
        return bytes(sink.getvalue())
    return make_frame().to_csv(index=False).encode()


LINE = str(arch_at(7)) + ",0.5"
DAMAGED: dict[str, tuple[str, bytes, str]] = {
    "an empty csv": ("a.csv", b"", "the file is empty"),
    "an empty parquet": ("a.parquet", b"", "the file is empty"),
    "a cut parquet": ("a.parquet", whole("parquet")[:-20], "not a whole Parquet file"),
    "a parquet with a hole": (
        "a.parquet",
        whole("parquet")[:300] + bytes(400) + whole("parquet")[700:],
        "not a whole Parquet file",
    ),
    "a csv called parquet": ("a.parquet", whole("csv"), "not a whole Parquet file"),
    "a parquet called csv": ("a.csv", whole("parquet"), "not UTF-8|no column names architectures"),
    "a row too long": (
        "a.csv",
        f"arch_str,score\n{LINE},1\n".encode(),
        "Expected 2 columns, got 3",
    ),
    "a row too short": ("a.csv", f"arch_str,score\n{LINE}\nx\n".encode(), "Expected 2 columns"),
    "an open quote": ("a.csv", f'arch_str,score\n"{LINE}\n'.encode(), "not a whole CSV file"),
    "latin-1": ("a.csv", "arch_str,score\n\xe9,1\n".encode("latin-1"), "is not UTF-8 text"),
    "latin-1 in the header": ("a.csv", "arch_str,\xe9\n".encode("latin-1"), "is not UTF-8 text"),
    "utf-16": ("a.csv", "arch_str,score\nx,1\n".encode("utf-16"), "is not UTF-8 text"),
    "zeros": ("a.csv", bytes(100), "there are no rows"),
    "only line breaks": ("a.csv", b"\n\n", "not a whole CSV file"),
    "only a header": ("a.csv", b"arch_str,score", "there are no rows"),
    "a column twice": ("a.csv", b"arch_str,score,score\n", "'score' is there more than once"),
    "json cut short": ("a.json", b'[{"arch_str": "x", "score": 1}, {"ar', "not a whole JSON file"),
    "json of a number": ("a.json", b"3", "one value of type int"),
    "json of numbers": ("a.json", b"[3]", "record 0 .* is not an object but '3'"),
    "json without records": ("a.json", b"[]", "there are no rows"),
    "json of a mapping": ("a.json", b'{"x": 1}', "no column names architectures"),
    "json with a key twice": (
        "a.json",
        b'[{"arch": "x", "score": 1, "score": 2}]',
        "key 'score' is there more than once",
    ),
    "json with half a character": (
        "a.json",
        b'[{"arch_str": "\\ud800", "score": 1}]',
        r"holds .ud800, half of a pair",
    ),
    "json lines with half a character": (
        "a.jsonl",
        b'{"arch_str": "x", "score": 1, "method": "\\uDFFF"}',
        r"line 1: a text holds .udfff, half of a pair",
    ),
    "json too deep": ("a.json", b"[" * 200_000, "not a whole JSON file"),
    "json lines cut short": (
        "a.jsonl",
        b'{"arch": "x", "score": 1}\n{"arch": ',
        "not a whole JSON lines file .line 2: ",
    ),
    "json in latin-1": ("a.json", b'["\xe9"]', "is not UTF-8 text"),
    "an unknown kind": ("a.dat", b"\0\1", "it is of no known kind. Give one of .csv"),
}


@pytest.mark.parametrize(("name", "content", "message"), DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("exclude", [False, True])
def test_a_damaged_file_is_refused_whole(
    name: str, content: bytes, message: str, exclude: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.\w+: .*({message})") as caught:
        read_score_sets(tmp_path / name, ReadOptions(exclude_bad=exclude))
    assert len(str(caught.value)) < 1_000  # most of it the forms of an architecture
    assert str(caught.value).isprintable()


def test_columns_that_nobody_reads_may_have_one_name(tmp_path: Path) -> None:
    lines = [f",,{arch_at(index)},{score},," for index, score in zip(INDICES, SCORES, strict=True)]
    (tmp_path / "mine.csv").write_text("\n".join([",,arch_str,score,,", *lines]))
    (only,) = read_score_sets(tmp_path / "mine.csv").sets
    assert only.score.tolist() == [[3.0, -1.25, 0.75, 0.5]]


def test_an_unknown_status_of_the_harness_s_own_format_is_refused(tmp_path: Path) -> None:
    frame = with_index(make_frame()).assign(loss=1.0, accuracy=50.0, status="fine")
    words = "'status' is not one of ok, failed, dead, label in 4 of 4 rows"
    with pytest.raises(DataError, match=words):
        read_score_sets(write_csv(frame, tmp_path))


def test_a_folder_and_a_path_to_nothing_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").mkdir()
    with pytest.raises(DataError, match=r"'.*runs\.csv' is a folder"):
        read_score_sets(tmp_path / "runs.csv")
    with pytest.raises(DataError, match=r"There is no scores file at '.*nowhere\.csv'"):
        read_score_sets(tmp_path / "nowhere.csv")


def test_a_column_that_is_no_method_is_refused_before_memory_is_asked_for() -> None:
    frame = pd.DataFrame({"nb201_index": np.arange(1_001), "score": np.arange(1_001.0)})
    with pytest.raises(DataError, match="column 'method' has 1,001 different values"):
        make_score_sets(frame.assign(method=np.arange(1_001).astype(str)), "mine")
    frame = pd.concat([frame] * 10, ignore_index=True)
    with pytest.raises(DataError, match="column 'seed' has 10,010 different values"):
        make_score_sets(frame.assign(seed=np.arange(10_010)), "mine")


def test_what_an_error_shows_of_a_file_is_one_printable_line() -> None:
    shown = show("\x1b[31mred\n\u202eevil" + "x" * 100)
    assert shown.startswith(r"\x1b[31mred\n\u202eevil")
    assert shown.endswith("...")
    assert shown.isprintable()
    assert show("=HYPERLINK(1)|é") == "=HYPERLINK(1)|é"


@pytest.mark.slow
def test_a_million_rows_take_seconds(tmp_path: Path) -> None:
    import time

    n_seeds = 64
    archs = [str(arch_at(index)) for index in range(15_625)]
    frame = pd.DataFrame(
        {
            "arch_str": archs * n_seeds,
            "score": np.random.default_rng(0).normal(size=15_625 * n_seeds),
            "seed": np.repeat(np.arange(n_seeds), 15_625),
        }
    )
    path = write_csv(frame, tmp_path)
    start = time.process_time()
    assert read_score_sets(path).sets[0].score.shape == (n_seeds, 15_625)
    assert time.process_time() - start < 20.0  # 2.6 s measured on a busy machine


def test_lines_that_end_in_a_bare_carriage_return_are_told(tmp_path: Path) -> None:
    path = tmp_path / "old_mac.csv"
    path.write_bytes(b"nb201_index,score\r1,2.0\r2,3.0\r")
    with pytest.raises(DataError, match=r"old_mac\.csv: this is not a whole CSV file"):
        read_score_sets(path)


def test_a_character_that_json_escapes_in_two_halves_is_read(tmp_path: Path) -> None:
    rows = [{"nb201_index": i, "score": i, "method": "\U0001f600"} for i in range(3)]
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(rows))
    assert r"\ud83d\ude00" in path.read_text()
    (only,) = read_score_sets(path).sets
    assert only.method == "\U0001f600"


def test_a_json_object_from_architectures_to_scores_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({str(arch_at(index)): index / 2 for index in (3, 1, 2)}))
    (only,) = read_score_sets(path).sets
    assert only.keys.tolist() == [1, 2, 3]
    assert only.score.tolist() == [[0.5, 1.0, 1.5]]


def test_texts_of_a_parquet_file_that_are_no_utf8_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    texts = pa.array([b"|none~0|", b"\xff\xfe"]).cast(pa.binary()).view(pa.string())
    pq.write_table(pa.table({"arch_str": texts, "score": [1.0, 2.0]}), path)
    for exclude in (False, True):
        with pytest.raises(DataError, match=r"scores\.parquet"):
            read_score_sets(path, ReadOptions(exclude_bad=exclude))


@pytest.mark.parametrize("form", [str, lambda arch: arch.nb201_index])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_first_line_that_is_a_row_is_refused_and_not_lost(
    tmp_path: Path, form: Callable[[Any], Any], separator: str
) -> None:
    rows = pd.DataFrame({"net": map(form, map(arch_at, INDICES)), "score": SCORES})
    rows.to_csv(tmp_path / "mine.csv", index=False, header=False, sep=separator)
    with pytest.raises(DataError, match=r"mine\.csv: its first line has no names of columns") as e:
        read_score_sets(tmp_path / "mine.csv", ReadOptions(score_column="*"))
    assert f"Write a line of names above it, such as arch{separator}score." in str(e.value)


def test_whole_numbers_may_be_names_of_columns(tmp_path: Path) -> None:
    rows = pd.DataFrame({0: map(str, map(arch_at, INDICES)), 200: SCORES})
    rows.to_csv(tmp_path / "mine.csv", index=False)
    (only,) = read_score_sets(tmp_path / "mine.csv", ReadOptions(score_column="200")).sets
    assert only.keys.tolist() == sorted(INDICES)


def test_decimal_commas_are_told_and_nobody_is_advised_to_remove_all_rows() -> None:
    frame = make_frame()
    commas = frame.assign(score=[f"{score:.3f}".replace(".", ",") for score in SCORES])
    with pytest.raises(DataError, match="Write numbers with a decimal point") as caught:
        make_score_sets(commas, "mine")
    assert "It is so in all rows: correct the file, or name another column." in str(caught.value)
    assert "remove" not in str(caught.value)
    with pytest.raises(DataError, match="Correct or remove such rows") as caught:
        make_score_sets(put("score", "1.234,5")(frame), "mine")
    assert "decimal point" not in str(caught.value)
