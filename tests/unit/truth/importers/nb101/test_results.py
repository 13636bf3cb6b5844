"""NAS-Bench-101's files: what went in comes out, and anything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import harness
from harness.errors import TruthError
from harness.spaces import load_space
from harness.spaces.nb101.encoding import parse_cell
from harness.truth import TruthQuery, TruthTable, default_query, find_truth
from harness.truth.fetch.catalog import CATALOG
from harness.truth.fetch.fetching import fetch
from harness.truth.importers.importing import find_format, import_truth
from harness.truth.importers.nb101 import arrays
from harness.truth.parquet import split_metadata
from harness.truth.published import Table
from tests.e2e.processes import run
from tests.fetchable import checksum
from tests.published_files import make_nb101_record, pack_records, write_nb101

SPACE = load_space("nb101")
QUERY = TruthQuery("cifar10", "test", 108)
N = 60
CHAIN, PAIR = parse_cell("101:0"), parse_cell("110011:12")


@pytest.fixture(autouse=True)
def _few_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the arrays be of the first 60 cells."""
    monkeypatch.setattr(arrays, "N_CELLS", N)


def read(path: Path, **options: Any) -> TruthTable:
    return import_truth(path, space=SPACE, **options)


def write(path: Path, *records: object) -> Path:
    path.write_bytes(pack_records(records))
    return path


def test_what_went_into_the_arrays_comes_out(tmp_path: Path) -> None:
    n_right = write_nb101(tmp_path, N)
    assert find_format(tmp_path, space=SPACE) == "arrays"
    table = read(tmp_path)
    assert (table.space, table.name, table.n_archs) == (SPACE, "nb101", N)
    trials = table.trials(QUERY)
    assert trials.keys.tolist() == list(range(N))
    np.testing.assert_allclose(trials.value[:, 0], 100 * n_right / 9_984, rtol=0, atol=1e-6)
    assert set(table.columns.seed.tolist()) == {-1}


def test_one_repeat_shows_no_ceiling(tmp_path: Path) -> None:
    write_nb101(tmp_path, N)
    table = read(tmp_path)
    scores = {SPACE.format(SPACE.at(key)): float(key % 7) for key in range(N)}
    result = harness.evaluate(scores, table, dataset="cifar10", space=SPACE)
    for part in result.populations.values():
        assert (part.ceiling, part.reference, part.share_of_ceiling) == (None, None, None)
    assert "no ceiling is shown" in " ".join(result.truth.notes)
    assert result.truth.title == "nb101 cifar10 test, 108 epochs, mean of trials"


Change = Callable[[np.ndarray], np.ndarray]


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("test.npy", lambda a: a[1:], "is no array of 60 numbers"),
        ("test.npy", lambda a: a[:, None], "is no array of 60 numbers"),
        ("test.npy", lambda a: a > 0, "is no array of 60 numbers"),
        ("test.npy", lambda a: a + 0.4 / 9_984, "row 0: .* is no share of 9,984 images"),
        ("test.npy", lambda a: 100 * a, "row 0: .* is no share of 9,984 images"),
        ("test.npy", lambda a: np.where(np.arange(N) == 7, np.nan, a), "row 7: nan is no share"),
        ("test.npy", lambda a: np.where(np.arange(N) == 7, -a, a), "row 7: .* is no share"),
        ("flops.npy", lambda a: a[::-1], "row 0: .* are not the operations of the network there"),
        ("flops.npy", lambda a: a + (np.arange(N) == 59), "row 59: .* are not the operations"),
        ("flops.npy", lambda a: a * np.inf, "row 0: inf are not the operations"),
    ],
)
def test_another_array_is_refused(name: str, change: Change, words: str, tmp_path: Path) -> None:
    write_nb101(tmp_path, N)
    np.save(tmp_path / name, change(np.load(tmp_path / name)))
    with pytest.raises(TruthError, match=words):
        read(tmp_path)


def test_a_damaged_array_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_nb101(tmp_path, N)
    path = tmp_path / "test.npy"
    content = path.read_bytes()
    for damaged in (content[:-8], content[:40], b"", b"\x80\x04N."):
        path.write_bytes(damaged)
        with pytest.raises(TruthError, match=r"test\.npy.*Get it again"):
            read(tmp_path)
    path.write_bytes(content)
    monkeypatch.setattr(arrays, "_MOST_BYTES", 600)
    with pytest.raises(TruthError, match="the array takes at most 600 bytes"):
        read(tmp_path)
    path.unlink()
    with pytest.raises(TruthError, match=r"test\.npy cannot be read"):
        read(tmp_path, kind="arrays")


def test_what_was_fetched_is_made_into_the_table(tmp_path: Path) -> None:
    source, entry = tmp_path / "source", CATALOG["nb101"]
    write_nb101(source, N)
    downloads = []
    for download in entry.downloads:
        content = (source / download.file).read_bytes()
        downloads.append(replace(download, checksum=checksum(content), size=len(content)))
    product, made = entry.product, read(source)
    assert isinstance(product, Table)
    entry = replace(entry, downloads=tuple(downloads), product=replace(product, sha256=made.sha256))
    fetch(entry, tmp_path / "data", origin=str(source))
    table = find_truth("cifar10", tmp_path / "data", SPACE)
    assert (table.sha256, table.metadata["fetched_as"]) == (made.sha256, "nb101")
    assert default_query("cifar10", SPACE) == QUERY


def test_the_arrays_are_opened_where_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_nb101(tmp_path / "data" / "nb101", N)
    table = find_truth("cifar10", tmp_path / "data", SPACE)
    assert table.sha256 == read(tmp_path / "data" / "nb101").sha256


def test_the_official_file_has_every_training(tmp_path: Path) -> None:
    right = {CHAIN: [(9_001, 8_001), (9_002, 8_002), (9_003, 8_003)], PAIR: [(7_001, 6_001)]}
    records = [
        make_nb101_record(cell, *each) for cell, trainings in right.items() for each in trainings
    ]
    records.append(make_nb101_record(CHAIN, 5_000, 4_000, length=4))
    path = write(tmp_path / "nasbench_only108.tfrecord", *records)
    assert find_format(path, space=SPACE) == "official"
    with pytest.raises(TruthError, match="lacks 423,622 of the 423,624 cells"):
        read(path)
    told: list[str] = []
    table = read(path, allow_missing=True, tell=told.append)
    assert told == [f"423,622 cells of {path} are missing."]
    for place, split in enumerate(("valid", "test")):
        trials = table.trials(TruthQuery("cifar10", split, 108))
        assert trials.value.shape == (2, 3)
        for key, values in zip(trials.keys.tolist(), trials.value, strict=True):
            wanted = [100 * each[place] / 9_984 for each in right[SPACE.at(key)]]
            np.testing.assert_allclose(values[np.isfinite(values)], wanted, rtol=0, atol=1e-6)
    short = table.trials(TruthQuery("cifar10", "valid", 4))
    assert short.value.tolist() == [[pytest.approx(100 * 5_000 / 9_984, abs=1e-6)]]
    assert "no ceiling" not in table.metadata.get("notes", "")


def test_an_isomorphic_cell_of_the_official_file_is_the_same(tmp_path: Path) -> None:
    records = [
        make_nb101_record(parse_cell(text), 9_000, n)
        for n, text in ((8_000, "110011:12"), (8_001, "110011:21"))
    ]
    table = read(write(tmp_path / "o", *records), kind="official", allow_missing=True)
    assert table.trials(QUERY).value.shape == (1, 2)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"hash": "0" * 32}, "its hash is 0{32}, and that of its cell"),
        ({"hash": None}, "hash, matrix or operations are no text"),
        ({"epochs": "108"}, "'108' are no epochs"),
        ({"epochs": True}, "True are no epochs"),
        ({"epochs": 0}, "0 are no epochs"),
        ({"epochs": 36}, "no evaluation after 36 epochs"),
        ({"matrix": "01001000"}, "is no cell"),
        ({"matrix": "010001100"}, "is no cell"),
        ({"matrix": "010000000"}, "no path from its input"),
        ({"operations": "input,conv5x5,output"}, "is no cell"),
        ({"operations": "input"}, "is no cell"),
        ({"operations": "output,conv3x3-bn-relu,input"}, "is no cell"),
        ({"metrics": "?"}, "it is no list of five"),
        ({"metrics": 3}, "it is no list of five"),
        ({"metrics": "CQ=="}, "its metrics are damaged"),
        ({"metrics": ""}, "no evaluation after 108 epochs"),
        ({"more": 1}, "it is no list of five"),
    ],
)
def test_another_record_is_refused(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    whole, other = (make_nb101_record(CHAIN, 9_000, 8_000, **each) for each in ({}, changed))
    path = write(tmp_path / "x.tfrecord", whole, other)
    with pytest.raises(TruthError, match=f"record 1: .*{words}"):
        read(path, kind="official", allow_missing=True)


def test_an_accuracy_that_is_no_share_of_the_images_is_refused(tmp_path: Path) -> None:
    for n_test in (8_000.5, 9_985, -1, float("nan")):
        record = make_nb101_record(CHAIN, 9_000, n_test)  # type: ignore[arg-type]
        with pytest.raises(TruthError, match="is no share of 9,984 images"):
            read(write(tmp_path / "x", record), kind="official", allow_missing=True)


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tfrecord"
    content = pack_records([make_nb101_record(CHAIN, 9_000, 8_000)])
    for n in (8, 20, len(content) - 1):
        path.write_bytes(content + content[:n])
        with pytest.raises(TruthError, match="it is cut off"):
            read(path, kind="official", allow_missing=True)
    path.write_bytes(b"\xff" * 8 + content[8:])
    with pytest.raises(TruthError, match="a record has 18,446,744,073,709,551,615 bytes"):
        read(path, kind="official", allow_missing=True)
    with pytest.raises(TruthError, match="cannot be read"):
        read(tmp_path, kind="official")


@pytest.mark.slow
@pytest.mark.realdata
def test_the_published_arrays_are_the_conversion(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # in a process of its own, which sorts the cells
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    out = tmp_path / "truth.parquet"
    code, _, err = run("truth", "import", data_dir / "nb101", "--space", "nb101", "--out", out)
    assert code == 0, err
    found = pd.read_parquet(out)
    product = CATALOG["nb101"].product
    assert isinstance(product, Table)
    assert split_metadata(pq.read_schema(out))[0]["sha256"] == product.sha256
    rows = pd.read_parquet(data_dir / "nb101" / "nb101.parquet")
    assert found["arch_index"].tolist() == list(range(len(rows)))
    wanted = 100 * rows["test_correct"].astype(float) / 9_984
    np.testing.assert_allclose(found["accuracy"], wanted, rtol=0, atol=1e-6)
    hashes = [parse_cell(text).digest for text in found["arch"][::997]]
    assert hashes == [
        parse_cell(f"{bits}:{ops}").digest
        for bits, ops in zip(rows["adjacency"][::997], rows["ops"][::997], strict=True)
    ]
