"""TransNAS-Bench-101's files: what went in comes out, and anything else is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import harness
from harness.errors import TruthError, UsageError
from harness.evaluation import choose_truth
from harness.spaces import load_space
from harness.spaces.transnas.encoding import TASKS
from harness.truth import TruthQuery, TruthTable, default_query, find_truth
from harness.truth.catalogue import choose_query
from harness.truth.fetch.catalog import CATALOG
from harness.truth.fetch.fetching import fetch
from harness.truth.importers.importing import find_format, import_truth
from harness.truth.importers.transnas.values import ABSENT, BEST, EPOCHS, FINAL
from harness.truth.published import Table
from tests.fetchable import checksum
from tests.published_files import make_official_transnas, make_transnas, write_transnas

MICRO, MACRO = load_space("transnas-micro"), load_space("transnas-macro")
RESULTS = {kind: make_transnas(kind) for kind in ("micro", "macro")}


def query(task: str, metric: str) -> TruthQuery:
    return TruthQuery(task, "valid", EPOCHS[task], metric=metric)


def values_of(
    table: TruthTable, task: str, metric: str, epochs: int | None = None
) -> dict[str, float]:
    """Return a metric by string, losses as published: with a minus."""
    trials = table.trials(TruthQuery(task, "valid", epochs or EPOCHS[task], metric=metric))
    sign = -1 if table.metric(metric).is_lower_better else 1
    texts = [table.space.format(table.space.at(key)) for key in trials.keys.tolist()]
    return dict(zip(texts, (sign * trials[1][:, 0]).tolist(), strict=True))


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both forms of both spaces, side by side, as the public repositories have them."""
    folder = tmp_path_factory.mktemp("transnas101")
    for kind, results in RESULTS.items():
        write_transnas(folder, kind, results)
    return folder


@pytest.mark.parametrize("kind", RESULTS)
def test_what_went_in_comes_out(kind: str, folder: Path) -> None:
    space = load_space(f"transnas-{kind}")
    assert find_format(folder, space=space) == "public"
    table = import_truth(folder, space=space)
    assert (table.space, table.name, table.n_archs) == (space, space.name, space.size)
    for task in TASKS:
        assert values_of(table, task, BEST[task].name) == RESULTS[kind]["best"][task]
        assert values_of(table, task, FINAL[task].name) == RESULTS[kind]["final"][task]
    assert "one training of each network" in table.metadata["notes"]
    assert set(table.columns.seed.tolist()) == {-1}


def test_each_task_is_judged_by_its_own_metric(folder: Path) -> None:
    table = import_truth(folder, space=MICRO)
    chosen = {task: choose_query(table, task).metric for task in TASKS}
    assert chosen == {task: metric.name for task, metric in BEST.items()}
    assert table.metric("loss").is_lower_better
    assert [table.metric(name).unit for name in ("accuracy", "miou", "ssim", "loss")] == [
        *("%", "%", "", "")
    ]
    with pytest.raises(UsageError, match="has several metrics"):
        choose_query(replace_metrics(table), "class_scene")


def replace_metrics(table: TruthTable) -> TruthTable:
    """Leave the final epochs of one task, of which none has a plain name, under two names."""
    rows = pd.DataFrame({"arch": ["64-41414-1_02_333"] * 2, "metric": ["a:x", "b:x"]}).assign(
        space="transnas-micro",
        dataset="class_scene",
        split="valid",
        epochs=25,
        trial=0,
        seed=-1,
        value=1.0,
    )
    metrics = tuple(table.metric("ssim")._replace(name=name) for name in ("a:x", "b:x"))
    return harness.truth.make_table(rows, "t", {}, "t", MICRO, metrics)


def test_transfer_over_the_tasks_is_one_table(folder: Path) -> None:
    table = import_truth(folder, space=MICRO)
    scores = {text: float(n) for n, text in enumerate(RESULTS["micro"]["best"]["normal"])}
    result = harness.evaluate(scores, table, dataset="normal", space=MICRO)
    assert result.truth.title == (
        "transnas-micro ssim, normal valid, 30 epochs, mean of trials (no unit)"
    )


def test_a_ranking_of_cifar10_is_judged_by_transfer() -> None:
    for space in (MICRO, MACRO):
        assert default_query("cifar10", space) == TruthQuery("class_scene", "valid", 25)


@pytest.mark.parametrize("kind", RESULTS)
def test_what_was_fetched_is_made_into_the_table(kind: str, folder: Path, tmp_path: Path) -> None:
    space, entry = load_space(f"transnas-{kind}"), CATALOG[f"transnas-{kind}"]
    assert len(entry.downloads) == 8
    source = tmp_path / "source"
    source.mkdir()
    downloads = []
    for download in entry.downloads:
        own = "best_epoch" if download.file.endswith(".json") else "final_epoch"
        name = download.file if own == "best_epoch" else f"{kind}_zen.zip"
        content = (folder / own / name).read_bytes()
        (source / download.file).write_bytes(content)
        downloads.append(replace(download, checksum=checksum(content), size=len(content)))
    product = entry.product
    assert isinstance(product, Table)
    made = import_truth(folder, space=space)
    entry = replace(entry, downloads=tuple(downloads), product=replace(product, sha256=made.sha256))
    fetch(entry, tmp_path / "data", origin=str(source))
    table = find_truth("cifar10", tmp_path / "data", space)
    assert (table.sha256, table.metadata["fetched_as"]) == (made.sha256, space.name)


def test_the_public_files_are_opened_where_they_lie(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "transnas101").symlink_to(folder)
    table = find_truth("cifar10", tmp_path / "data", MICRO)
    assert table.sha256 == import_truth(folder, space=MICRO).sha256
    for task, metric in BEST.items():
        chosen = choose_truth(task, data_dir=tmp_path / "data", space=MICRO)
        assert (chosen.metric, chosen.query.epochs) == (metric, EPOCHS[task])


def test_the_official_file_has_the_best_and_the_final_epoch(tmp_path: Path) -> None:
    curves = {
        text: {
            task: [-0.9, -0.7, -0.8] if task == "room_layout" else [0.1, 0.5, 0.25 + n]
            for task in TASKS
        }
        for n, text in enumerate(("64-41414-1_02_333", "64-41414-0_00_100"))
    }
    path = tmp_path / "transnas-bench_v10141024.pth"
    torch.save(make_official_transnas(curves), path)
    assert find_format(path, space=MICRO) == "official"
    with pytest.raises(TruthError, match="lacks 57,316 results"):
        import_truth(path, space=MICRO)
    table = import_truth(path, space=MICRO, allow_missing=True)
    for task, metric in BEST.items():
        best, last = [0.5, 1.25], [0.25, 1.25]
        if metric.is_lower_better:
            best, last = [-0.7] * 2, [-0.8] * 2
        assert values_of(table, task, metric.name, 3) == dict(zip(curves, best, strict=True))
        assert values_of(table, task, f"{metric.name}:final", 3) == dict(
            zip(curves, last, strict=True)
        )
    with pytest.raises(TruthError, match="no results of the space 'macro'"):
        import_truth(path, space=MACRO)


def test_a_network_that_was_never_published_is_not_missing(tmp_path: Path) -> None:
    results = {"best": {}, "final": RESULTS["macro"]["final"]}
    for task, values in RESULTS["macro"]["best"].items():
        results["best"][task] = {text: v for text, v in values.items() if text != ABSENT}
    write_transnas(tmp_path, "macro", results)
    table = import_truth(tmp_path, space=MACRO)
    assert len(table.trials(query("normal", "ssim")).keys) == 3_255
    del results["best"]["normal"]["64-1234-basic"]
    write_transnas(tmp_path, "macro", results)
    with pytest.raises(TruthError, match="lacks 1 results"):
        import_truth(tmp_path, space=MACRO)
    told: list[str] = []
    import_truth(tmp_path, space=MACRO, allow_missing=True, tell=told.append)
    assert told == [f"1 results of {tmp_path} are missing."]


Change = Callable[[list[Any]], Any]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: {"a": 1}, "it is not a list"),
        (lambda rows: [*rows, ["64-41414-1_02_333"]], "is not an architecture and its value"),
        (lambda rows: [*rows[1:], [rows[0][0], "0.5"]], "'0.5' is no number"),
        (lambda rows: [*rows[1:], [rows[0][0], float("nan")]], "nan is no number"),
        (lambda rows: [*rows[1:], [rows[0][0], True]], "True is no number"),
        (lambda rows: [*rows[1:], [rows[0][0], 100.5]], "100.5 is no percentage"),
        (lambda rows: [*rows[1:], ["64-1234-basic", 50.0]], "is not a micro architecture"),
        (lambda rows: [*rows, rows[0]], "is there twice"),
        (lambda rows: rows[1:], "lacks 1 results of space 'transnas-micro'"),
    ],
)
def test_anything_else_is_refused(change: Change, words: str, tmp_path: Path) -> None:
    files = write_transnas(tmp_path, "micro", RESULTS["micro"])
    path = next(file for file in files if file.name == "micro_class_scene.json")
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(TruthError, match=words):
        import_truth(tmp_path, space=MICRO)


def test_an_archive_that_is_no_archive_of_results_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes.zip").write_bytes(b"PK nothing")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "nothing")
    with pytest.raises(TruthError, match="is of no known format"):
        find_format(tmp_path, space=MICRO)


@pytest.mark.realdata
@pytest.mark.parametrize("kind", RESULTS)
def test_the_published_files_are_the_conversion(kind: str, data_dir: Path) -> None:
    space = load_space(f"transnas-{kind}")
    table = import_truth(data_dir / "transnas101", space=space)
    product = CATALOG[space.name].product
    assert isinstance(product, Table)
    assert table.sha256 == product.sha256 == find_truth("cifar10", data_dir, space).sha256
    rows = pd.read_parquet(data_dir / "transnas101" / "transnas101.parquet")
    rows = rows[rows.space == kind]
    for task, of_task in rows.groupby("task"):
        for column, metrics in (("valid_best_epoch", BEST), ("valid_final_epoch", FINAL)):
            wanted = of_task.set_index("arch")[column].dropna().sort_index()
            found = pd.Series(values_of(table, str(task), metrics[str(task)].name)).sort_index()
            assert list(found.index) == list(wanted.index)
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
            assert abs(wanted.iloc[0]) > 0


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("kind", "best"),
    [
        # the design's figures, SSIM and layout times 100
        ("micro", (54.94, 46.32, 95.37, 26.27, 59.62, 57.72, -59.38)),
        ("macro", (57.48, 47.96, 97.02, 29.66, 64.35, 76.88, -56.28)),
    ],
)
def test_the_best_of_each_task_is_that_which_is_known(
    kind: str, best: tuple[float, ...], data_dir: Path
) -> None:
    table = import_truth(data_dir / "transnas101", space=load_space(f"transnas-{kind}"))
    found = [max(values_of(table, task, BEST[task].name).values()) for task in TASKS]
    scaled = [
        value if TASKS[task] > 9 else 100 * value for task, value in zip(TASKS, found, strict=True)
    ]
    assert scaled == pytest.approx(best, abs=0.006)
