"""Which importer a path is for, and where its table goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import DataError, StoreError, TruthError, UsageError
from harness.spaces import load_space
from harness.truth import find_truth, load_table, make_table
from harness.truth.importers.importing import (
    find_format,
    formats_of,
    import_truth,
    place_table,
    truth_file,
)
from tests.published_files import as_rows, make_results, write_nats, write_official

RESULTS = make_results(2)
ROWS = as_rows(RESULTS)


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    """One path of each format that needs no real data."""
    write_official(tmp_path / "official.pth", RESULTS)
    write_official(tmp_path / "zip.bin", RESULTS, is_old_format=False)
    write_nats(tmp_path / "folder", RESULTS)
    ROWS.to_parquet(tmp_path / "rows.bin")
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    names = ("official.pth", "zip.bin", "folder", "rows.bin", "rows.csv")
    return {name: tmp_path / name for name in names}


FOUND = {
    "official.pth": "nb201",
    "zip.bin": "nb201",
    "folder": "nats",
    "rows.bin": "rows",
    "rows.csv": "rows",
}


@pytest.mark.parametrize(("name", "kind"), FOUND.items())
def test_the_format_is_found_by_the_content(paths: dict[str, Path], name: str, kind: str) -> None:
    assert find_format(paths[name]) == kind


@pytest.mark.parametrize("name", FOUND)
def test_every_format_of_the_same_results_gives_the_same_table(
    paths: dict[str, Path], name: str
) -> None:
    expected = make_table(ROWS, "expected", {})
    table = import_truth(paths[name])
    assert table.sha256 == expected.sha256
    assert table.columns.seeds_sha256() == expected.columns.seeds_sha256()


@pytest.mark.parametrize("name", FOUND)
def test_nb201_is_the_benchmark_in_whatever_format(paths: dict[str, Path], name: str) -> None:
    assert find_format(paths[name], "nb201") == FOUND[name]


def test_what_is_asked_for_is_not_second_guessed(paths: dict[str, Path]) -> None:
    with pytest.raises(TruthError, match=r"has no meta\.pickle\.pbz2"):
        import_truth(paths["rows.csv"], "nats")
    with pytest.raises(TruthError, match=r"no column names architectures .* there is meta_archs, "):
        import_truth(paths["official.pth"], "rows")
    with pytest.raises(TruthError, match="is not a file"):
        import_truth(paths["folder"], "rows")


def test_an_unknown_format_is_refused_with_the_nearest(paths: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match=r"Unknown format of results 'nat'\. Did you mean 'nats'"):
        import_truth(paths["folder"], "nat")


def test_nothing_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="There is nothing at"):
        import_truth(tmp_path / "nothing")
    with pytest.raises(TruthError, match="There is nothing at"):
        import_truth(tmp_path / ("x" * 5_000))


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("a.bin", b"hello", "of no known format. Known are '--as nb201'"),
        ("a.bin", b"", "it is empty"),
        ("NATS-tss-v1_0-3ffb9-simple.tar", b"hello", "it is an archive; unpack it"),
        ("NATS-tss-v1_0-3ffb9.pickle.pbz2", b"hello", "give the folder 'NATS-tss"),
        ("nasbench_only108.tfrecord", b"\x18\x02\x00\x00", "of no known format"),
    ],
)
def test_an_unclear_file_is_refused_with_what_there_is(
    tmp_path: Path, name: str, content: bytes, hint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TruthError, match=hint):
        import_truth(tmp_path / name)


def test_an_unclear_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"it is a folder without meta\.pickle\.pbz2"):
        import_truth(tmp_path)


def test_every_kind_is_listed() -> None:
    assert list(formats_of(load_space())) == [
        "nb201",
        "nats",
        "public",
        "robust",
        "latency",
        "rows",
    ]


def test_a_scale_is_for_rows_only(paths: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="scale of 100 was given for the official"):
        import_truth(paths["official.pth"], accuracy_scale=100)


def test_the_table_goes_where_it_is_looked_for(
    paths: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    table = import_truth(paths["folder"])
    assert truth_file() == tmp_path / "cache" / "harness" / "nb201" / "truth.parquet"
    assert place_table(table, truth_file())
    assert find_truth("cifar10").sha256 == table.sha256
    other = tmp_path / "data"
    other.mkdir()
    assert truth_file(other) == other / "nb201" / "truth.parquet"
    with pytest.raises(DataError, match="is not a folder"):
        truth_file(tmp_path / "nothing")


def test_the_same_table_is_left_alone_and_another_is_not_replaced(tmp_path: Path) -> None:
    table, other = make_table(ROWS, "one", {}), make_table(ROWS.iloc[1:], "two", {})
    path = tmp_path / "deep" / "truth.parquet"
    assert place_table(table, path)
    written = path.stat().st_mtime_ns
    assert not place_table(table, path)
    with pytest.raises(TruthError, match=r"is another table.*--force, or name another file"):
        place_table(other, path)
    assert path.stat().st_mtime_ns == written
    assert place_table(other, path, force=True)
    assert load_table(path).sha256 == other.sha256


def test_tables_that_differ_in_their_seeds_only_are_different(tmp_path: Path) -> None:
    path = tmp_path / "truth.parquet"
    place_table(make_table(ROWS, "one", {}), path)
    with pytest.raises(TruthError, match="is another table"):
        place_table(make_table(ROWS.assign(seed=-1), "two", {}), path)


def test_a_damaged_table_is_not_replaced_without_being_asked(tmp_path: Path) -> None:
    path = tmp_path / "truth.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(TruthError, match="is another table"):
        place_table(make_table(ROWS, "one", {}), path)
    assert path.read_bytes() == b"PAR1"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be made"):
        place_table(make_table(ROWS, "one", {}), tmp_path / "file" / "deep" / "truth.parquet")


def test_a_folder_in_place_of_the_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="is another table"):
        place_table(make_table(ROWS, "one", {}), tmp_path)
    with pytest.raises(StoreError, match="could not be written"):
        place_table(make_table(ROWS, "one", {}), tmp_path, force=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_an_error(paths: dict[str, Path]) -> None:
    paths["rows.csv"].chmod(0)
    with pytest.raises(TruthError, match="cannot be read: Permission denied"):
        import_truth(paths["rows.csv"])


@pytest.mark.realdata
def test_the_small_public_tables_are_a_format(data_dir: Path) -> None:
    folder = data_dir / "nb201" / "raw"
    assert find_format(folder) == "public"
    table = import_truth(folder)
    assert (len(table.columns), table.n_archs) == (327_831, 15_625)
