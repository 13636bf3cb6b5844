"""Runs on the benchmark's other data sets, and reports against other truths, by command."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from harness.cli.main import main
from harness.images import cifar, imagenet16
from harness.spaces.nb201.encoding import arch_at, canonical_permutation
from tests.cli.commandline import TINY, Invoke

N_ARCHS = 40
N_CIFAR100 = 1_200
N_IMAGENET16 = 240
TRUTHS = ("cifar10", "cifar100", "ImageNet16-120")


def write_data(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write tiny image files and a table of the first forty architectures."""
    layout = replace(cifar.LAYOUTS["cifar100"], records=N_CIFAR100)
    monkeypatch.setitem(cifar.LAYOUTS, "cifar100", layout)
    monkeypatch.setattr(imagenet16, "N_IMAGES", N_IMAGENET16)
    monkeypatch.setenv("XDG_CACHE_HOME", str(data.parent / "cache"))
    rng = np.random.RandomState(0)
    records = rng.randint(0, 256, (N_CIFAR100, layout.record_bytes)).astype(np.uint8)
    records[:, 0] %= 20
    records[:, 1] = np.arange(N_CIFAR100) % 100
    (data / layout.folder).mkdir(parents=True)
    records.tofile(data / layout.folder / "train.bin")
    (data / imagenet16.FOLDER).mkdir()
    for part, name in enumerate(imagenet16.FILES):
        pixels = rng.randint(0, 256, (24, 768)).astype(np.uint8)
        labels = (np.arange(24) + 24 * part) % 120 + 1
        np.savez(data / imagenet16.FOLDER / name, data=pixels, labels=labels)
    write_rows(data, make_rows())


def write_rows(data: Path, rows: pd.DataFrame) -> None:
    (data / "nb201").mkdir(parents=True)
    rows.to_parquet(data / "nb201" / "truth_rows.parquet")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder."""
    write_data(tmp_path / "data", monkeypatch)
    return tmp_path / "data"


def make_rows() -> pd.DataFrame:
    rng = np.random.RandomState(1)
    return pd.DataFrame(
        {
            "nb201_index": index,
            "arch_str": str(arch_at(index)),
            "dataset": dataset,
            "split": split,
            "epochs": 200,
            "trial": trial,
            "seed": 777 + 111 * trial,
            "accuracy": float(rng.uniform(10, 94)),
        }
        for dataset in TRUTHS
        for split in ("valid", "test")
        for position, index in enumerate(canonical_permutation()[:N_ARCHS])
        for trial in range(1 + (position % 5 > 0))
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a finished tiny run of each strategy on CIFAR-100, of forty architectures.

    Beside it lies its data folder; neither is to be changed.
    """
    folder = tmp_path_factory.mktemp("transfer")
    tiny = [argument for argument in TINY if argument not in ("--n-archs", "3")]
    options = ("--n-archs", str(N_ARCHS), "--set", "recalibration_images=8")
    places = ("--data-dir", str(folder / "data"), "--out", str(folder / "out"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        write_data(folder / "data", monkeypatch)
        with pytest.raises(SystemExit) as caught:
            main([*tiny, *options, "--dataset", "cifar100", *places])
        assert caught.value.code == 0
        yield folder / "out"


def report(invoke: Invoke, out: Path, *arguments: str) -> dict[str, list[dict[str, Any]]]:
    result = invoke("report", out, "--data-dir", out.parent / "data", *arguments, "--json")
    assert result.code == 0, result.err
    content: dict[str, list[dict[str, Any]]] = json.loads(result.out)
    return content


@pytest.mark.slow
def test_the_smoke_preset_runs_on_cifar100_from_its_files(invoke: Invoke, data: Path) -> None:
    out = data.parent / "out"
    arguments = ("--preset", "smoke", "--strategies", "spos", "--jobs", 1, "--set", "threads=1")
    result = invoke(
        *("run", "--dataset", "cifar100", *arguments, "--data-dir", data, "--out", out, "--json")
    )
    assert result.code == 0, result.err
    (record,) = json.loads(result.out)["runs"]
    assert record["config"]["seed"] == 0  # one seed, unless told otherwise
    assert record["data"]["images"] == "cifar100"
    assert record["data"]["truth_query"] == "cifar100 test, 200 epochs, mean of trials"
    assert (record["summary"]["n"], record["summary"]["n_unscored"]) == (N_ARCHS, 0)
    assert record["summary"]["train_loss"] == pytest.approx(np.log(100), rel=0.2)  # noise images


def test_a_run_on_imagenet16_uses_its_files_and_its_truth(invoke: Invoke, data: Path) -> None:
    out = data.parent / "out"
    arguments = ("--dataset", "imagenet16-120", "--set", "recalibration_images=8")
    result = invoke(*TINY, *arguments, "--data-dir", data, "--out", out, "--json")
    assert result.code == 0, result.err
    for record in json.loads(result.out)["runs"]:
        assert record["run_id"].startswith("imagenet16-120-")
        assert record["data"]["images"] == "imagenet16-120"
        assert record["data"]["truth_query"].startswith("ImageNet16-120 test, 200 epochs")
        assert record["summary"]["truth"] == record["data"]["truth_query"]


def test_a_report_is_against_every_truth_named_and_says_which(
    invoke: Invoke, finished: Path
) -> None:
    named = [part for name in TRUTHS for part in ("--truth-dataset", name)]
    made = report(invoke, finished, *named)
    assert [section["truth"]["query"] for section in made["sections"]] == [
        {"dataset": name, "split": "test", "epochs": 200, "policy": "mean", "metric": "accuracy"}
        for name in TRUTHS
    ]
    rows, scores = make_rows(), _scores(finished)
    for section in made["sections"]:
        assert [result["label"] for result in section["evaluations"]] == ["spos", "ogd"]
        dataset = section["truth"]["query"]["dataset"]
        chosen = rows[(rows["dataset"] == dataset) & (rows["split"] == "test")]
        truth = chosen.groupby("nb201_index")["accuracy"].mean()
        for result in section["evaluations"]:
            tau = scipy.stats.kendalltau(scores[result["label"]].loc[truth.index], truth)
            found = result["populations"]["all"]["metrics"]["tau"]
            assert found["n"] == section["n"] == N_ARCHS
            assert found["value"] == pytest.approx(tau.statistic, rel=1e-12)


def _scores(out: Path) -> dict[str, pd.Series]:
    return {
        path.parent.name.split("-")[1]: pd.read_parquet(path).set_index("nb201_index")["score"]
        for path in out.glob("*/scores.parquet")
    }


def test_without_a_truth_named_it_is_that_of_the_images(invoke: Invoke, finished: Path) -> None:
    own = report(invoke, finished)
    assert own == report(invoke, finished, "--truth-dataset", "cifar100")
    assert [s["truth"]["query"]["dataset"] for s in own["sections"]] == ["cifar100"]


def test_split_and_policy_are_passed_on_and_n_shows_who_is_left_out(
    invoke: Invoke, finished: Path
) -> None:
    arguments = ("--truth-dataset", "ImageNet16-120", "--split", "valid", "--policy", "seed=888")
    made = report(invoke, finished, *arguments, "--epochs", "200")
    (section,) = made["sections"]
    assert section["truth"]["query"] == {
        "dataset": "ImageNet16-120",
        "split": "valid",
        "epochs": 200,
        "policy": "seed=888",
        "metric": "accuracy",
    }
    for result in section["evaluations"]:
        assert (section["n"], result["n_scored"], result["n_without_truth"]) == (32, 40, 8)


@pytest.mark.parametrize("output", ["table", "markdown", "latex", "csv"])
def test_every_format_names_the_truth(invoke: Invoke, finished: Path, output: str) -> None:
    data = finished.parent / "data"
    named = ("--truth-dataset", "cifar10", "--truth-dataset", "cifar100", "--policy", "trial=0")
    result = invoke("report", finished, "--data-dir", data, *named, "--format", output)
    assert (result.code, result.err) == (0, "")
    for name in ("cifar10", "cifar100"):
        assert f"{name} test, 200 epochs, trial 0" in result.text
    if output == "csv":
        records = list(csv.DictReader(io.StringIO(result.out)))
        taus = [r for r in records if (r["figure"], r["population"]) == ("tau", "all")]
        assert [r["truth"].split()[0] for r in taus if r["kind"] == "estimator"] == [
            *("cifar10", "cifar10", "cifar100", "cifar100")
        ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--truth-dataset", "cifar1000"), 2, "'cifar1000'. Did you mean 'cifar100'?"),
        (("--split", "train"), 1, "has no rows for cifar100 train, 200 epochs"),
        (("--epochs", "12"), 1, "has no rows for cifar100 test, 12 epochs"),
        (("--policy", "seed=999"), 1, "no architecture has that seed"),
        (("--policy", "median"), 2, "Unknown truth policy 'median'. Available: mean, trial=K"),
        (("--policy", ""), 2, "Unknown truth policy ''"),
        (("--epochs", "0"), 2, "0 is not in the range"),
        (("--epochs", "many"), 2, "'many' is not a valid integer range"),
    ],
)
def test_a_truth_that_is_not_there_is_explained(
    invoke: Invoke, finished: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = invoke("report", finished, "--data-dir", finished.parent / "data", *arguments)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    if "has no rows" in message:
        assert "ImageNet16-120 valid, 200 epochs (40 architectures)" in result.err


def test_another_table_is_refused_for_any_truth(
    invoke: Invoke, finished: Path, tmp_path: Path
) -> None:
    rows = make_rows()
    rows.loc[rows["dataset"] == "cifar10", "accuracy"] /= 2  # not even the truth asked for
    write_rows(tmp_path, rows)
    result = invoke("report", finished, "--data-dir", tmp_path, "--truth-dataset", "ImageNet16-120")
    assert (result.code, result.out) == (1, "")
    assert "was ranked against truth" in result.err
