"""The baseline's file: what went in comes out, and every kind of damage is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.check import Snapshot, load_baseline, save_baseline
from harness.check.snapshot import round_scores
from harness.errors import DataError, StoreError, TruthError, UsageError
from harness.spaces.nb201.encoding import N_ARCHS
from harness.stats import kendall_tau
from tests.check_cases import (
    SEEDS,
    N,
    draw_scores,
    keep,
    make_estimator,
    make_records,
    make_truth,
)

CHOSEN, SIGNAL = make_truth()
SCORES = draw_scores(SIGNAL)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "baseline.json"
    save_baseline(keep(CHOSEN, make_estimator(CHOSEN, SCORES)), path)
    return path


def test_what_went_in_comes_out(tmp_path: Path) -> None:
    records = make_records(SEEDS, positive_pd=[0.1] * 5, train_loss=[2.0] * 5, progress=[0.3] * 5)
    run = make_estimator(
        CHOSEN, SCORES, source="run", bn_mode="batch", dataset="tiles", records=records
    )
    file = make_estimator(CHOSEN, SCORES[:1], [None], "mine")
    kept = save_baseline(keep(CHOSEN, run, file), tmp_path / "b.json")
    assert load_baseline(tmp_path / "b.json") == kept
    first, second = kept.methods
    assert (first.label, first.seeds, first.bn_mode, first.dataset) == (
        *("spos", SEEDS),
        *("batch", "tiles"),
    )
    assert first.runs == tuple(f"tiles-spos-s{seed}" for seed in SEEDS)
    assert first.commits == ("0" * 40,)
    assert first.figures == {
        "positive_pd": (0.1,) * 5,
        "train_loss": (2.0,) * 5,
        "progress": (0.3,) * 5,
    }
    assert (second.seeds, second.runs, second.figures) == ((None,), (), {})
    assert kept.truth.query == ("tiles", "test", 12, "mean", "accuracy")
    assert kept.truth.sha256 == CHOSEN.table.sha256
    np.testing.assert_array_equal(first.index_array, CHOSEN.truth.keys)


def test_the_tau_that_it_shows_is_that_of_its_scores(path: Path) -> None:
    (method,) = load_baseline(path).methods
    for row, tau in zip(method.score_array, method.tau, strict=True):
        assert tau == pytest.approx(kendall_tau(row, CHOSEN.truth.value).value, abs=1e-6)


def test_figures_that_a_seed_lacks_are_not_there() -> None:
    records = make_records(SEEDS, train_loss=[2.0, 2.0, float("nan"), 2.0, 2.0])
    run = make_estimator(CHOSEN, SCORES, source="run", records=records)
    assert keep(CHOSEN, run).methods[0].figures == {}


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300])
def test_rounding_changes_no_rank_and_no_tie(scale: float) -> None:
    rng = np.random.RandomState(0)
    rows = np.stack([rng.standard_normal(N_ARCHS), rng.randint(0, 50, N_ARCHS) / 7.0]) * scale
    rows[0, :3] = [1.0 * scale, np.nextafter(1.0 * scale, 2.0 * scale), 1.0 * scale]
    rounded = round_scores(rows)
    for before, after in zip(rows, rounded, strict=True):
        ranks = [np.unique(side, return_inverse=True)[1] for side in (before, after)]
        np.testing.assert_array_equal(*ranks)


def test_the_file_is_small_and_reads_well(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 60
    assert path.stat().st_size < 12 * N * (len(SEEDS) + 1)
    content = json.loads("\n".join(lines))
    assert list(content)[:2] == ["format", "schema_version"]


def test_texts_that_look_like_lists_stay_as_they_are(tmp_path: Path) -> None:
    label = '[\n  1\n ] [ 2,\n 3 ] "}'
    kept = save_baseline(keep(CHOSEN, make_estimator(CHOSEN, SCORES, label=label)), tmp_path / "b")
    assert load_baseline(tmp_path / "b").methods[0].label == kept.methods[0].label == label


def test_an_older_baseline_is_replaced_and_anything_else_is_not(path: Path, tmp_path: Path) -> None:
    other = keep(CHOSEN, make_estimator(CHOSEN, SCORES, label="other"))
    save_baseline(other, path)
    assert load_baseline(path).methods[0].label == "other"
    for content in ("arch_str,score\n", '{"format": "coco"}', "[]"):
        precious = tmp_path / "scores.csv"
        precious.write_text(content, encoding="utf-8")
        with pytest.raises(UsageError, match="exists and is not a baseline"):
            save_baseline(other, precious)
        assert precious.read_text(encoding="utf-8") == content


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="could not be written"):
        save_baseline(keep(CHOSEN, make_estimator(CHOSEN, SCORES)), tmp_path / "no" / "b.json")


def test_constant_scores_make_no_baseline(tmp_path: Path) -> None:
    scores = SCORES.copy()
    scores[3] = 1.0
    with pytest.raises(DataError, match="All scores of 'spos' are equal for seed 3"):
        save_baseline(keep(CHOSEN, make_estimator(CHOSEN, scores)), tmp_path / "b.json")
    assert not list(tmp_path.iterdir())


def test_too_few_architectures_make_no_snapshot() -> None:
    scores = SCORES.copy()
    scores[0, 29:] = np.nan
    with pytest.raises(TruthError, match="29 architectures with a score of every seed"):
        keep(CHOSEN, make_estimator(CHOSEN, scores))


def test_every_way_of_cutting_the_file_short_is_told(path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content) - 2, 97):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match="is damaged: it is not JSON"):
            load_baseline(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"\x00" * 100,
        b"[" * 100_000,
        b"PK\x03\x04",
        b"9" * 10_000,
    ],
)
def test_what_is_not_json_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="it is not JSON"):
        load_baseline(path)


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "null",
        "3",
        '"harness-baseline"',
        "{}",
        '{"format": null}',
        '{"benchmarks": [], "version": "5.1.0"}',
        '{"format": ["harness-baseline"]}',
    ],
)
def test_json_of_another_kind_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="is not a baseline: its content"):
        load_baseline(path)


def test_a_file_that_is_not_there_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            load_baseline(path)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_newer_schema_is_told(path: Path) -> None:
    edit(path, lambda content: content.update(schema_version=2, methods="another form"))
    with pytest.raises(DataError, match=r"has schema 2; this version reads up to 1. Update"):
        load_baseline(path)


@pytest.mark.parametrize("version", [None, "1", 0, 1.5, [1], -1])
def test_a_schema_that_never_was_is_told(path: Path, version: object) -> None:
    edit(path, lambda content: content.update(schema_version=version))
    with pytest.raises(DataError, match="its schema_version is"):
        load_baseline(path)


def _method(content: dict[str, Any]) -> dict[str, Any]:
    return dict.__getitem__(content, "methods")[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c.pop("truth"), "the field 'truth' is missing"),
        (lambda c: c.update(methods=[]), "'methods' is "),
        (lambda c: c.update(extra=1), "'extra' is 1: Extra inputs"),
        (lambda c: c["methods"].append(_method(c)), "two methods have the same label"),
        (lambda c: _method(c).update(seeds=[0, 1, 2, 3, 3]), "a seed occurs twice"),
        (lambda c: _method(c).update(seeds=[]), "seeds' is "),
        (lambda c: _method(c)["scores"].pop(), "scores are not 5 seeds of 200"),
        (lambda c: _method(c)["scores"][2].pop(), "scores are not 5 seeds of 200"),
        (lambda c: _method(c)["tau"].pop(), "a figure does not have 5 values"),
        (lambda c: _method(c)["figures"].update(pd=[1.0]), "a figure does not have 5 values"),
        (lambda c: _method(c)["nb201_index"].reverse(), "nb201_index does not ascend"),
        (lambda c: _method(c)["nb201_index"].insert(0, -1), "nb201_index does not ascend"),
        (lambda c: _method(c).update(nb201_index=[1, 2]), "nb201_index' is "),
        (lambda c: _method(c)["scores"][0].__setitem__(0, float("nan")), "finite number"),
        (lambda c: _method(c)["scores"][0].__setitem__(0, float("inf")), "finite number"),
        (lambda c: _method(c)["scores"][0].__setitem__(0, "a lot"), "valid number"),
        (lambda c: _method(c)["scores"][0].__setitem__(0, None), "hash mismatch"),
        (lambda c: _method(c)["scores"][0].__setitem__(0, 99.5), "hash mismatch"),
        (lambda c: _method(c).update(bn_mode="recalibrated"), "hash mismatch"),
        (lambda c: c["truth"].update(sha256="0" * 64), "hash mismatch"),
        (lambda c: c.update(sha256=None), "hash mismatch"),
        (lambda c: c.pop("sha256"), "hash mismatch"),
    ],
)
def test_damage_and_edits_are_told(
    path: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    edit(path, change)
    with pytest.raises(DataError, match=f"is damaged: .*{reason}"):
        load_baseline(path)


def test_a_hostile_field_cannot_steer_the_terminal(path: Path) -> None:
    edit(path, lambda content: content.update({"\x1b[2J\n::error::" + "x" * 5000: 1}))
    with pytest.raises(DataError, match="is damaged") as caught:
        load_baseline(path)
    assert str(caught.value).replace(str(path), "").isprintable()
    assert len(str(caught.value)) < 1000


def test_a_whole_space_of_five_seeds_is_read_back_in_a_moment(tmp_path: Path) -> None:
    chosen, signal = make_truth(N_ARCHS)
    kept = save_baseline(
        keep(chosen, make_estimator(chosen, draw_scores(signal))), tmp_path / "b.json"
    )
    assert (tmp_path / "b.json").stat().st_size < 1_500_000
    loaded: Snapshot = load_baseline(tmp_path / "b.json")
    assert loaded == kept
