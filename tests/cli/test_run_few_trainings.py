"""`harness run` with short trainings, their teacher, learning curves, and predictors of these."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.cli.commandline import TINY, Invoke

SIZE = "epochs=1, channels=2, images=64, valid_images=64"
TRAINED = f"short_training({SIZE})"


def read_record(out: Path, name: str) -> dict[str, Any]:
    (path,) = out.glob(f"tiles-{name}-s0-*/record.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_short_trainings_have_a_run_with_scores_losses_and_cost(
    invoke: Invoke, tmp_path: Path
) -> None:
    result = invoke(*TINY, "--estimators", TRAINED, "--out", tmp_path)
    assert result.code == 0, result.err
    record = read_record(tmp_path, "short_training")
    assert record["config"]["short_training"] == {
        **{"epochs": 1, "channels": 2, "images": 64, "valid_images": 64}
    }
    assert record["ranking"]["score_kind"] == (
        "validation accuracy after 1 epoch of 64 images, C=2, N=1, seeds of its own"
    )
    assert record["timings"]["score_s"] > record["timings"]["prepare_s"] == 0
    (folder,) = tmp_path.glob("tiles-short_training-s0-*")
    assert len(pd.read_parquet(folder / "scores.parquet")) == 3
    assert set(pd.read_parquet(folder / "training_losses.parquet")["epoch"]) == {1}
    assert TRAINED in result.text


def test_a_teacher_and_who_learns_from_it_are_in_the_record(invoke: Invoke, tmp_path: Path) -> None:
    taught = f"short_training({SIZE}, teacher=true, teacher_epochs=1, measure=loss)"
    result = invoke(*TINY, "--estimators", taught, "--out", tmp_path)
    assert result.code == 0, result.err
    record = read_record(tmp_path, "short_training")
    assert record["ranking"]["score_kind"].endswith("C=2, N=1, seeds of its own, taught")
    assert record["ranking"]["teacher"].count("nor_conv_3x3") > 3
    assert record["timings"]["prepare_s"] > 0


def test_a_predictor_of_short_trainings_has_their_cost(invoke: Invoke, tmp_path: Path) -> None:
    fitted = f"predictor(n=2, model=forest, labels_from={TRAINED})"
    result = invoke(*TINY, "--estimators", fitted, "--out", tmp_path, "--json")
    assert result.code == 0, result.err
    record = read_record(tmp_path, "predictor")
    assert record["ranking"]["score_kind"].endswith(f"fitted to 2 scores of {TRAINED}")
    assert record["timings"]["score_s"] > 0
    (folder,) = tmp_path.glob("tiles-predictor-s0-*")
    assert set(pd.read_parquet(folder / "scores.parquet")["status"]) <= {"ok", "failed"}
    assert list(pd.read_parquet(folder / "labels.parquet"))[-1] == "score"


def test_a_learning_curve_has_the_seconds_that_the_table_recorded(
    invoke: Invoke, tmp_path: Path
) -> None:
    result = invoke(*TINY, "--estimators", "learning_curve", "--out", tmp_path)
    assert result.code == 0, result.err
    record = read_record(tmp_path, "learning_curve")
    assert record["ranking"]["trained_epochs"] == 3 * 3 * 12
    # 23,904 s for 600 architectures x 3 seeds: the metadata of the embedded table
    assert record["timings"] == {"published_s": pytest.approx(3 * 23_904 / 600, abs=0.06)}


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        ("learning_curve(split=test)", "which is the truth that the run is judged by"),
        ("learning_curve(epochs=5)", "has no rows for tiles valid, 5 epochs"),
        ("learning_curve(epoch=5)", "Did you mean 'learning_curve.epochs'"),
        ("short_training(epochs=0)", "short_training.epochs = 0"),
        ("short_training(images=5000)", "short_training.images = 5,000 was given"),
        ("short_training(valid_images=2001)", "'tiles' has only 2,000 such images"),
        ("predictor(n=2, labels_from=short_training(images=5000))", "images = 5,000 was given"),
        ("jacov(batch_size=2001)", "zero_cost.batch_size = 2,001 was given; two batches"),
        ("predictor(n=2, features=graf+jacov(batch_size=2001))", "zero_cost.batch_size = 2,001"),
        ("short_training(alpha=0.5)", "alpha needs teacher=true"),
        ("short_training(teacher=true, teacher_arch=x)", "'x'"),
        ("predictor(labels_from=short_trainin)", "Did you mean 'short_training'"),
    ],
)
def test_what_cannot_be_done_is_refused(
    invoke: Invoke, tmp_path: Path, estimator: str, message: str
) -> None:
    result = invoke(*TINY, "--estimators", estimator, "--out", tmp_path)
    assert result.code in (1, 2)
    assert message in result.err
    assert "Traceback" not in result.err
    assert not list(tmp_path.glob("*/record.json"))
