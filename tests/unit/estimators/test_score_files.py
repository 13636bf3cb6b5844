"""Which files and columns are meant, and what their estimators are called."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import DataError, StoreError, UsageError
from harness.estimators.callables import from_callable
from harness.estimators.loading import load_estimators, make_estimators
from harness.spaces.nb201.encoding import Arch, arch_at
from harness.truth import find_truth
from tests.made_runs import N, make_run

KEYS = [3, 7, 11]


def write(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    pd.DataFrame({"nb201_index": KEYS, **columns}).to_csv(path, index=False)
    return path


def labels_of(*paths: object, **options: Any) -> list[str]:
    return [each.label for each in load_estimators(map(str, paths), **options).estimators]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "zc.csv", zen=[1.0, 2.0, 4.0], jacov=[3.0, 1.0, 2.0], loss=[9, 8, 7])


def test_columns_of_a_file_are_named_in_its_path(file: Path) -> None:
    assert labels_of(f"{file}::jacov") == ["jacov"]
    assert labels_of(f"{file}::jacov", f"{file}::zen") == ["jacov", "zen"]
    assert labels_of(f"{file}::zen,loss") == ["zen", "loss"]
    assert labels_of(f"{file}::*") == ["zen", "jacov", "loss"]
    assert labels_of(file, score_column=["zen", "jacov"]) == ["zen", "jacov"]
    assert labels_of(file, score_column="zen") == ["zc"]


def test_each_of_several_files_has_its_own_columns(file: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "more" / "zc.csv", zen=[1, 3, 2], score=[3, 2, 1])
    first, second, third = labels_of(f"{file}::zen", f"{other}::zen", other)
    assert first.startswith("zen (")
    assert first.endswith("zc.csv)")
    assert second.endswith("more/zc.csv)")
    assert third == "zc"


def test_a_file_whose_name_has_two_colons_is_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "a::b.csv", score=[1, 2, 3])
    assert labels_of(path) == ["a::b"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["zen", "zen"], r"zc\.csv::zen is named more than once"),
        ([""], "Unknown column of scores ''"),
        (["zan"], "Unknown column of scores 'zan'"),
    ],
)
def test_columns_that_are_named_wrongly_are_said(
    file: Path, columns: list[str], message: str
) -> None:
    with pytest.raises((UsageError, DataError), match=message):
        labels_of(*(f"{file}::{column}" for column in columns))


def test_a_folder_has_no_columns(tmp_path: Path) -> None:
    make_run(tmp_path / "runs", np.arange(float(N)), truth=find_truth("tiles"))
    with pytest.raises(UsageError, match=r"names a column of '.*runs', which is a folder"):
        labels_of(f"{tmp_path / 'runs'}::score")
    with pytest.raises(StoreError, match="nothing is not a folder"):
        labels_of(f"{tmp_path / 'nothing'}::score")


@pytest.mark.parametrize("option", [{"rows": {"a": 1}}, {"worst_if_bad": True}, {"arch_form": "x"}])
def test_an_option_of_score_files_needs_one(tmp_path: Path, option: dict[str, Any]) -> None:
    make_run(tmp_path / "runs", np.arange(float(N)), truth=find_truth("tiles"))
    with pytest.raises(UsageError, match="only run folders were named"):
        labels_of(tmp_path / "runs", **option)


def test_lower_is_better_in_one_column(file: Path) -> None:
    found = load_estimators([f"{file}::*"], lower_in=[f"{file}::loss"]).estimators
    assert [each.score_kind for each in found] == [
        "column 'zen'",
        "column 'jacov'",
        "minus column 'loss'",
    ]
    assert found[2].score.tolist() == [[-9.0, -8.0, -7.0]]
    found = load_estimators(
        [f"{file}::zen", f"{file}::loss"], lower_in=[f"{file}::loss"]
    ).estimators
    assert [each.score.tolist() for each in found] == [[[1.0, 2.0, 4.0]], [[-9.0, -8.0, -7.0]]]
    with pytest.raises(UsageError, match=r"zc\.csv::lass was given with --lower-in, but it is not"):
        load_estimators([f"{file}::*"], lower_in=[f"{file}::lass"])


def test_packed_files_and_streams_have_names(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pd.read_csv(file).to_csv(tmp_path / "packed.csv.gz", index=False)
    assert labels_of(tmp_path / "packed.csv.gz", score_column="zen") == ["packed"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert labels_of("-::zen", "-::jacov") == ["zen", "jacov"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert labels_of("-", score_column="zen") == ["standard input"]


def test_names_of_baselines_are_reserved_and_a_clash_is_renamed_and_told(tmp_path: Path) -> None:
    file = write(tmp_path / "zc.csv", params=[1, 2, 4], zen=[3, 2, 1])
    (params, zen) = load_estimators([f"{file}::*"]).estimators
    assert (params.label, zen.label) == ("params (zc.csv)", "zen")
    assert params.notes == (
        "'params' is the name of a baseline, so the scores that were given under that name are "
        "called 'params (zc.csv)'.",
    )
    assert zen.notes == ()
    by_method = write(tmp_path / "m.csv", score=[1, 2, 3], method="random")
    assert labels_of(by_method) == ["random (m.csv)"]
    assert labels_of(write(tmp_path / "flops.csv", score=[1, 2, 3])) == ["flops (flops.csv)"]


def count(arch: Arch) -> float:
    return float(arch.nb201_index)


def test_names_of_baselines_are_reserved_in_python_too() -> None:
    scores = {arch_at(key): float(key) for key in range(40)}
    assert make_estimators(scores, "params").estimators[0].label == "params (given)"
    assert make_estimators(count, "params").estimators[0].label == "params (given)"
    made = from_callable(count, range(40), "params")
    assert make_estimators(made).estimators[0].label == "params (given)"
    report = harness.compare(
        {"params": count, "mine": lambda arch: -count(arch)}, "tiles", baseline="params"
    )
    (section,) = report.sections
    assert [each.label for each in section.evaluations] == ["params (given)", "mine"]
    assert {pair.pair.second.label for pair in section.pairs} == {"params"}
    assert {pair.pair.second.source for pair in section.pairs} == {"baseline"}
    assert len(section.pairs) == 2
    assert any("'params' is the name of a baseline" in line for line in report.words)


def test_overflow_in_a_function_ranks_last() -> None:
    def score(arch: Arch) -> float:
        if arch.nb201_index == 5:
            raise OverflowError("math range error")
        return float("-inf") if arch.nb201_index == 6 else float(arch.nb201_index)

    with pytest.raises(DataError, match="raised OverflowError"):
        from_callable(score, range(40))
    (only,) = make_estimators(score, archs=range(40), worst_if_bad=True).estimators
    assert only.ranked_last.tolist() == [5, 6]
    assert only.score[0, 5] == only.score[0, 6] < 0.0
    result = harness.evaluate(only, "tiles")
    assert any(
        f"2 architectures without a finite score rank last, as ties: {arch_at(5)}, {arch_at(6)}."
        in line
        for line in result.words
    )
    assert result.to_dict()["n_ranked_last"] == 2
