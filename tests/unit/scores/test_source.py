"""Files of any name and packing, streams, and arrays: the same table."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import DataError
from harness.scores import ReadOptions, read_score_sets
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at

KEYS = [15_624, 7, 0, 300]
ARCHS = [str(arch_at(key)) for key in KEYS]
SCORES = [0.5, -1.25, 3.0, 0.75]
FRAME = pd.DataFrame({"net_str": ARCHS, "score": SCORES})
EXPECTED = dict(zip(KEYS, SCORES, strict=True))


def read(path: Path, **options: Any) -> dict[int, float]:
    (only,) = read_score_sets(path, ReadOptions(**options)).sets
    return dict(zip(only.keys.tolist(), only.score[0].tolist(), strict=True))


def _csv(**options: Any) -> bytes:
    return FRAME.to_csv(index=False, **options).encode()


def _parquet() -> bytes:
    sink = io.BytesIO()
    FRAME.to_parquet(sink)
    return sink.getvalue()


def _npz(**arrays: Any) -> bytes:
    sink = io.BytesIO()
    np.savez(sink, **arrays)
    return sink.getvalue()


def _npy(array: Any, **options: Any) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, **options)
    return sink.getvalue()


STRUCTURED = np.array(
    list(zip(ARCHS, SCORES, strict=True)), dtype=[("arch", "U99"), ("score", "f8")]
)
BY_STRING = dict(zip(ARCHS, SCORES, strict=True))

FILES: dict[str, tuple[str, bytes]] = {
    "packed csv": ("s.csv.gz", gzip.compress(_csv())),
    "packed tsv in capitals": ("S.TSV.GZ", gzip.compress(_csv(sep="\t"))),
    "packed parquet": ("s.parquet.gz", gzip.compress(_parquet())),
    "packed json without a name": ("scores", gzip.compress(json.dumps(BY_STRING).encode())),
    "csv without a suffix": ("scores", _csv()),
    "csv with semicolons called txt": ("s.txt", _csv(sep=";")),
    "json without a suffix": ("scores", json.dumps(BY_STRING).encode()),
    "json lines without a suffix": ("scores", FRAME.to_json(orient="records", lines=True).encode()),
    "parquet without a suffix": ("scores", _parquet()),
    "arrays by name": ("s.npz", _npz(arch=np.array(ARCHS), score=np.array(SCORES))),
    "arrays without a suffix": ("scores", _npz(arch=np.array(ARCHS), score=np.array(SCORES))),
    "a structured array": ("s.npy", _npy(STRUCTURED)),
    "a structured array that Python 2 wrote": (
        "s.npy",
        _npy(STRUCTURED).replace(b"'shape': (4,), } ", b"'shape': (4L,), }"),
    ),
    "a structured array in an npz": ("s.npz", _npz(arr_0=STRUCTURED)),
    **{
        f"pandas' orient {orient}": ("s.json", FRAME.to_json(orient=orient).encode())
        for orient in ("records", "columns", "index", "split", "table")
    },
    "json by string": ("s.json", json.dumps(BY_STRING).encode()),
    "json by index": ("s.json", json.dumps(dict(zip(KEYS, SCORES, strict=True))).encode()),
    "json of records by string": (
        "s.json",
        json.dumps({arch: {"score": score} for arch, score in BY_STRING.items()}).encode(),
    ),
}


@pytest.mark.parametrize(("name", "content"), FILES.values(), ids=FILES)
def test_every_file_gives_the_same_scores(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name) == EXPECTED


def test_json_by_tuples_needs_the_form_and_is_read_by_it(tmp_path: Path) -> None:
    by_tuple = {str(arch_at(key).ops): score for key, score in EXPECTED.items()}
    (tmp_path / "s.json").write_text(json.dumps(by_tuple))
    assert read(tmp_path / "s.json", arch_form="ops") == EXPECTED
    with pytest.raises(DataError, match=r"2 forms that name different architectures.*--arch-form"):
        read(tmp_path / "s.json")


def test_pandas_values_have_numbered_columns(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(FRAME.to_json(orient="values"))
    assert read(tmp_path / "s.json", score_column="1") == EXPECTED


@pytest.mark.parametrize("content", [content for _, content in FILES.values()], ids=FILES)
def test_standard_input_is_read_by_its_content(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read(Path("-")) == EXPECTED


@pytest.mark.parametrize("content", [_csv(), _parquet(), gzip.compress(_csv())])
def test_a_pipe_is_read_once_and_whole(content: bytes) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert read(Path(f"/dev/fd/{reading}")) == EXPECTED
    finally:
        os.close(reading)
        writer.join()


@pytest.mark.parametrize(
    "content", [_npy(np.arange(15_625) / 7), _npz(arr_0=np.arange(15_625) / 7)], ids=["npy", "npz"]
)
def test_a_bare_array_of_all_architectures_is_in_the_published_order(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "zen").write_bytes(content)
    assert read(tmp_path / "zen") == {key: key / 7 for key in range(15_625)}


def test_a_bare_array_of_some_architectures_does_not_say_which(tmp_path: Path) -> None:
    (tmp_path / "s.npy").write_bytes(_npy(np.arange(300.0)))
    with pytest.raises(DataError, match="one object per row, or a list of 15,625 numbers"):
        read(tmp_path / "s.npy")


def test_arrays_of_all_architectures_by_name_are_in_the_published_order(tmp_path: Path) -> None:
    values = np.arange(15_625) / 7
    (tmp_path / "s.npz").write_bytes(_npz(zen=values, nwot=-values))
    assert read(tmp_path / "s.npz", score_column="nwot") == {k: -k / 7 for k in range(15_625)}


def _zip(**members: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


PICKLED = np.array([{"a": 1}], dtype=object)
HEADER = _npy(np.zeros(3)).replace(b"(3,)", b"(9999999999999,)")

REFUSED: dict[str, tuple[str, bytes, str]] = {
    "a pickle": ("s.pkl", b"\x80\x04N.", "is a pickle .* not read from one"),
    "a pickle without a suffix": ("scores", b"\x80\x04N.", "is a pickle"),
    "a torch file": ("scores", _zip(**{"archive/data.pkl": b"\x80\x02N."}), "is a pickle"),
    "a torch file by name": ("s.pt", b"x", "is a pickle"),
    "a pickled array": ("s.npy", _npy(PICKLED), "it holds a pickle, .* np.savez"),
    "a pickled array in an npz": ("s.npz", _npz(a=PICKLED, b=PICKLED), "it holds a pickle"),
    "a workbook": ("s.xlsx", b"PK\x03\x04", "workbook, which is not read. Save its sheet as CSV"),
    "a workbook without a suffix": ("s", _zip(**{"[Content_Types].xml": b""}), "is a workbook"),
    "an old workbook": ("scores", b"\xd0\xcf\x11\xe0" + bytes(99), "is a workbook"),
    "an archive": ("scores.zip", _zip(**{"scores.csv": b"a"}), "is an archive. Unpack it"),
    "a damaged archive": ("scores", b"PK\x03\x04" + bytes(40), "not a whole zip file"),
    "bzip2": ("s.csv.bz2", b"BZh9", "packed by bzip2, .* pack it by gzip"),
    "a cut gzip": ("s.csv.gz", gzip.compress(_csv())[:-9], "not a whole gzip file"),
    "no gzip": ("s.csv.gz", _csv(), "not a whole gzip file"),
    "an empty gzip": ("s.csv.gz", gzip.compress(b""), "the file is empty"),
    "a cut npy": ("s.npy", _npy(np.zeros(99))[:-9], "not a whole numpy file"),
    "an npy of an endless array": ("s.npy", HEADER, "not a whole numpy file"),
    "a cut npz": ("s.npz", _npz(a=np.zeros(99))[:-9], "not a whole numpy file"),
    "binary": ("scores", b"\x00\x01\x02", "of no known kind. Give one of .csv"),
}


@pytest.mark.parametrize(("name", "content", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_read_is_refused_with_a_way_forward(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: .*{message}"):
        read(tmp_path / name)


def test_a_file_of_several_pieces_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.scores.source._PIECE_BYTES", 7)
    for name, content in (("s.csv", _csv()), ("s.csv.gz", gzip.compress(_csv()))):
        (tmp_path / name).write_bytes(content)
        assert read(tmp_path / name) == EXPECTED


def test_tables_beyond_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.scores.source._MOST_BYTES", 1_000)
    for name, content in (("s.csv", b"x" * 1_001), ("s.csv.gz", gzip.compress(b"x" * 1_001))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="more than 1,000 bytes are not read"):
            read(tmp_path / name)


def test_naslib_s_nested_files_have_an_estimator_and_its_seconds_for_each_proxy(
    tmp_path: Path,
) -> None:
    """{data set: {architecture: {proxy: {score, time}}}}, architectures as tuples of NASLib."""
    space = load_space()
    naslib = ["(4, 0, 3, 1, 4, 3)", "(2, 4, 0, 0, 3, 2)", "(0, 0, 0, 0, 0, 0)"]
    content = {
        dataset: {
            arch: {
                "id": row,
                "val_accuracy": 80.0 + row + shift,
                "zen": {"score": row * 2.0 + shift, "time": 0.5 + row},
                "synflow": {"score": -row + 0.5, "time": 0.25},
            }
            for row, arch in enumerate(naslib)
        }
        for shift, dataset in enumerate(("cifar10", "cifar100"))
    }
    (tmp_path / "zc.json").write_text(json.dumps(content))
    options = ReadOptions(score_column="cifar10/*", arch_form="naslib")
    sets = read_score_sets(tmp_path / "zc.json", options)
    assert [(each.name, each.arch_s) for each in sets.sets] == [
        ("cifar10/val_accuracy", None),
        ("cifar10/zen", 1.5),
        ("cifar10/synflow", 0.25),
    ]
    keys = [space.key(space.forms["naslib"].read(arch)) for arch in naslib]
    zen = sets.sets[1]
    found = dict(zip(zen.keys.tolist(), zen.score[0].tolist(), strict=True))
    assert found == dict(zip(keys, [0.0, 2.0, 4.0], strict=True))
    (note,) = sets.notes
    assert "'cifar10/id' numbers the rows, and is not taken for scores" in note
    (only,) = read_score_sets(
        tmp_path / "zc.json", ReadOptions(score_column="cifar100/zen", arch_form="naslib")
    ).sets
    assert (only.column, sorted(only.score[0])) == ("cifar100/zen/score", [1.0, 3.0, 5.0])
