"""Missing and damaged data files: told before training, and in nobody's way once they are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.estimators.supernet import estimator
from harness.estimators.supernet.final_ranking import FinalRanking, Ranking
from harness.images import cifar
from harness.spaces.nb201.encoding import arch_at, canonical_permutation
from tests.cli.commandline import TINY, Invoke

RECORDS = 60
LAYOUT = replace(cifar.LAYOUTS["cifar10"], records=RECORDS)
N_ARCHS = 40


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a tiny CIFAR-10 and a tiny truth table, both right."""
    monkeypatch.setitem(cifar.LAYOUTS, "cifar10", LAYOUT)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images = tmp_path / "data" / LAYOUT.folder
    images.mkdir(parents=True)
    rng = np.random.RandomState(0)
    for name in LAYOUT.files:
        records = rng.randint(0, 256, (RECORDS, LAYOUT.record_bytes)).astype(np.uint8)
        records[:, 0] = np.arange(RECORDS) % 10
        (images / name).write_bytes(records.tobytes())
    (tmp_path / "data" / "nb201").mkdir()
    _rows().to_parquet(tmp_path / "data" / "nb201" / "truth_rows.parquet")
    return tmp_path / "data"


def _rows() -> pd.DataFrame:
    rng = np.random.RandomState(1)
    return pd.DataFrame(
        {
            "nb201_index": index,
            "arch_str": str(arch_at(index)),
            "dataset": "cifar10",
            "split": "test",
            "epochs": 200,
            "trial": trial,
            "seed": -1,
            "accuracy": float(rng.uniform(10, 94)),
        }
        for index in canonical_permutation()[:N_ARCHS]
        for trial in range(2)
    )


def _run(invoke: Invoke, data: Path) -> tuple[int, str]:
    arguments = ("--dataset", "cifar10", "--set", "recalibration_images=8")
    result = invoke(*TINY, *arguments, "--data-dir", data, "--out", data.parent / "out")
    return result.code, result.err


def _change_rows(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], object]:
    def damage(data: Path) -> None:
        change(_rows()).to_parquet(data / "nb201" / "truth_rows.parquet")

    return damage


def _set(column: str, value: object) -> Callable[[Path], object]:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows.astype({column: object if isinstance(value, str) else type(value)})
        rows.loc[3, column] = value
        return rows

    return _change_rows(change)


def _batch(data: Path, number: int = 3) -> Path:
    return data / LAYOUT.folder / f"data_batch_{number}.bin"


def _write_label(data: Path) -> None:
    content = bytearray(_batch(data).read_bytes())
    content[7 * LAYOUT.record_bytes] = 10
    _batch(data).write_bytes(content)


def _cut(path: Path, n_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:n_bytes])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "image file missing": (lambda d: _batch(d).unlink(), "data_batch_3.bin"),
    "image folder missing": (lambda d: (d / LAYOUT.folder).rename(d / "x"), "is not complete"),
    "image file cut short": (lambda d: _cut(_batch(d), 1_000), "was cut short"),
    "image file empty": (lambda d: _cut(_batch(d), 0), "has 0 bytes instead of"),
    "image file too long": (
        lambda d: _batch(d).write_bytes(_batch(d).read_bytes() + b"x"),
        "is not CIFAR-10's, or damaged",
    ),
    "label over 9": (_write_label, "record 7: its label is 10; CIFAR-10 has 0 to 9"),
    "truth missing": (
        lambda d: (d / "nb201" / "truth_rows.parquet").unlink(),
        "There is no published truth table of the space 'nb201'",
    ),
    "truth cut short": (
        lambda d: _cut(d / "nb201" / "truth_rows.parquet", 2_000),
        "is not a whole Parquet file",
    ),
    "truth empty file": (
        lambda d: _cut(d / "nb201" / "truth_rows.parquet", 0),
        "not a whole Parquet",
    ),
    "truth without rows": (_change_rows(lambda r: r[:0]), "there are no rows"),
    "column missing": (
        _change_rows(lambda r: r.drop(columns="accuracy")),
        "column 'accuracy' is missing",
    ),
    "key twice": (_change_rows(lambda r: pd.concat([r, r[5:6]])), "repeats a key"),
    "accuracy NaN": (_set("accuracy", float("nan")), "is not a number from 0 to 100"),
    "accuracy 101": (_set("accuracy", 101.0), "is not a number from 0 to 100"),
    "accuracy -1": (_set("accuracy", -1.0), "is not a number from 0 to 100"),
    "arch unknown": (_set("arch_str", "|none~0|"), "names no architecture"),
    "arch of another index": (_set("arch_str", str(arch_at(0))), "names another architecture"),
    "split unknown": (_set("split", "train"), "is not one of valid, test"),
    "no rows for the query": (
        _change_rows(lambda r: r.assign(epochs=12)),
        "has no rows for cifar10 test, 200 epochs",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_told_before_training_and_blocks_nothing_afterwards(
    invoke: Invoke, data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    damage, message = DAMAGES[name]
    whole = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    damage(data)
    with monkeypatch.context() as context:
        context.setattr(estimator, "Trainer", None)  # called: a traceback
        code, err = _run(invoke, data)
    assert code == 1
    assert message in err
    errors = [line for line in err.splitlines() if line.startswith("Error: ") and message in line]
    assert len(errors) == 1  # though two runs asked for the file, each of which told it at once
    assert not list(data.parent.glob("out/*/record.json"))
    for path, content in whole.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    code, err = _run(invoke, data)
    assert code == 0, err


def test_a_missing_data_folder_is_named(invoke: Invoke, data: Path) -> None:
    code, err = _run(invoke, data / "nothing")
    assert code == 1
    assert f"The data folder '{data / 'nothing'}' (--data-dir) is not a folder" in err


def test_without_a_data_folder_the_places_looked_at_are_named(
    invoke: Invoke, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    result = invoke(*TINY, "--dataset", "cifar10", "--out", data / "out")
    assert result.code == 1
    assert str(data.parent / "cache" / "harness" / "nb201") in result.err
    assert "--data-dir" in result.err


def test_the_report_needs_the_truth_that_the_runs_were_ranked_against(
    invoke: Invoke, data: Path
) -> None:
    code, err = _run(invoke, data)
    assert code == 0, err
    out = data.parent / "out"
    assert invoke("report", out, "--data-dir", data).code == 0
    _change_rows(lambda rows: rows.assign(accuracy=rows["accuracy"] / 2))(data)
    result = invoke("report", out, "--data-dir", data)
    assert (result.code, result.out) == (1, "")
    assert "was ranked against truth" in result.err


def test_a_run_under_way_refuses_changed_images(invoke: Invoke, data: Path) -> None:
    assert _run(invoke, data)[0] == 0
    for record in data.parent.glob("out/*/record.json"):
        record.write_text(record.read_text().replace('"finished",', '"interrupted",'))
    content = bytearray(_batch(data).read_bytes())
    content[100] ^= 1
    _batch(data).write_bytes(content)
    code, err = _run(invoke, data)
    assert code == 1
    assert "This run was started with other data: images_sha256 was" in err


def test_nothing_is_written_into_the_data_folder(invoke: Invoke, data: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    assert _run(invoke, data)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*")} == before


def _halve_truth(data: Path) -> None:
    _change_rows(lambda rows: rows.assign(accuracy=rows["accuracy"] / 2))(data)


def test_a_run_under_way_refuses_a_truth_that_was_replaced(invoke: Invoke, data: Path) -> None:
    assert _run(invoke, data)[0] == 0
    for record in data.parent.glob("out/*/record.json"):
        record.write_text(record.read_text().replace('"finished",', '"interrupted",'))
    _halve_truth(data)
    code, err = _run(invoke, data)
    assert code == 1
    assert "This run was started with other data: truth_sha256 was" in err


def test_a_truth_replaced_while_a_run_ranks_is_not_taken_for_the_one_it_began_with(
    invoke: Invoke, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Meanwhile(FinalRanking):
        def rank(self) -> Ranking:
            _halve_truth(data)
            return super().rank()

    with monkeypatch.context() as patch:
        patch.setattr(estimator, "FinalRanking", Meanwhile)
        code, err = _run(invoke, data)
    assert code == 1
    assert "was ranked against truth" in err or "started with other data" in err
    assert "Give the data folder of its runs" in err or "truth_sha256 was" in err
