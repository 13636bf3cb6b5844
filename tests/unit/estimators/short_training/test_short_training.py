"""Short trainings: what is trained, shared, resumed, taught and refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.errors import DataError, DivergedError, Interrupted, UsageError
from harness.estimators.base import Scores, Task
from harness.estimators.short_training import teacher as teaching
from harness.estimators.short_training import trainings
from harness.estimators.short_training.estimator import ShortTraining
from harness.estimators.short_training.settings import ShortTrainingSettings
from harness.estimators.short_training.teacher import Teacher
from harness.estimators.short_training.trainings import Trainings
from harness.monitor import Monitor
from harness.runs.folder import RunFolder
from harness.spaces import NetworkShape, load_space
from harness.spaces.nb201.space import NB201
from harness.supernet.base import Networks
from harness.testing.tiny import tiny_config
from harness.truth import TruthTable
from tests.tiny import Stopping, tiny_task

SPACE = load_space()
KEYS = SPACE.prefix(6)
TABLE = {"channels": 2, "cells": 1, "batch_size": 16, "epochs": 2}
TAUGHT = {"teacher": True, "teacher_epochs": 2}


def make_task(out: Path, monitor: Monitor | None = None, seed: int = 0, **settings: Any) -> Task:
    config = tiny_config(
        estimator="short_training", seed=seed, short_training={**TABLE, **settings}
    )
    return tiny_task(config, out, monitor=monitor)


def score(task: Task, keys: tuple[int, ...] = KEYS) -> Scores:
    estimator = ShortTraining(task)
    estimator.prepare()
    return estimator.score(keys)


def scores_of(found: Scores) -> list[float | None]:
    return [row["score"] for row in found.rows["scores"]]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The keys of the architectures that were trained, in order."""
    seen: list[int] = []
    train_one = trainings.train_one

    def watch(plan: Any, lesson: Any, job: tuple[int, str]) -> Any:
        seen.append(job[0])
        return train_one(plan, lesson, job)

    monkeypatch.setattr(trainings, "train_one", watch)
    return seen


def test_one_training_serves_all_three_measures(tmp_path: Path, trained: list[int]) -> None:
    by_measure = {
        what: score(make_task(tmp_path, measure=what)) for what in ("accuracy", "loss", "sotl")
    }
    assert len(trained) == len({SPACE.canonical(SPACE.at(key)) for key in KEYS})
    rows = by_measure["accuracy"].rows["scores"]
    assert [row["score"] for row in rows] == [row["accuracy"] for row in rows]
    assert scores_of(by_measure["loss"]) == [-row["loss"] for row in rows]
    losses: dict[int, list[float]] = {}
    for row in by_measure["sotl"].tables["training_losses"]:
        losses.setdefault(row["nb201_index"], []).append(row["train_loss"])
    assert scores_of(by_measure["sotl"]) == [-sum(losses[key]) for key in KEYS]
    assert all(len(own) == TABLE["epochs"] for own in losses.values())


def test_a_subset_trains_only_its_own_and_to_the_same_bits(
    tmp_path: Path, trained: list[int]
) -> None:
    some = KEYS[1:3]
    part = scores_of(score(make_task(tmp_path), some))
    assert set(trained) == {SPACE.key(SPACE.canonical(SPACE.at(key))) for key in some}
    whole = scores_of(score(make_task(tmp_path / "other")))
    assert part == whole[1:3]
    assert len(set(whole)) > 1
    assert scores_of(score(make_task(tmp_path / "other", seed=1))) != whole


def test_processes_train_to_the_same_bits_as_one(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    two = replace(task, config=task.config.model_copy(update={"threads": 2}))
    apart = replace(task, folder=RunFolder(tmp_path / "apart" / task.config.run_id))
    assert scores_of(score(two)) == scores_of(score(apart))


def test_an_interrupted_run_resumes_and_trains_nothing_twice(
    tmp_path: Path, trained: list[int]
) -> None:
    with pytest.raises(Interrupted, match=r"^Stopped after 3 of \d architectures"):
        score(make_task(tmp_path, Stopping(2)))
    resumed = scores_of(score(make_task(tmp_path)))
    assert len(trained) == len(set(trained))
    assert resumed == scores_of(score(make_task(tmp_path / "whole")))


def test_the_cost_is_what_the_trainings_took_whoever_did_them(tmp_path: Path) -> None:
    costs = []
    for _ in range(2):
        estimator = ShortTraining(make_task(tmp_path))
        estimator.score(KEYS[:4])
        found = estimator.score(KEYS)
        costs.append(estimator.cost())
    by_class = {
        SPACE.canonical(SPACE.at(key)): row["seconds"]
        for key, row in zip(KEYS, found.tables["seconds"], strict=True)
    }
    assert all(seconds > 0 for seconds in by_class.values())
    assert (
        costs[0] == costs[1] == {"prepare_s": 0.0, "score_s": pytest.approx(sum(by_class.values()))}
    )


def test_classes_tie_and_what_has_no_live_path_is_not_trained(
    tmp_path: Path, trained: list[int]
) -> None:
    dead = SPACE.key(SPACE.parse("|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"))
    with_dead_edge = SPACE.parse(
        "|none~0|+|skip_connect~0|none~1|+|nor_conv_3x3~0|nor_conv_1x1~1|avg_pool_3x3~2|"
    )
    same = (SPACE.key(with_dead_edge), SPACE.key(SPACE.canonical(with_dead_edge)))
    rows = score(make_task(tmp_path), (dead, *same)).rows["scores"]
    assert (rows[0]["score"], rows[0]["status"]) == (None, "dead")
    assert rows[1]["score"] == rows[2]["score"] is not None
    assert trained == [same[1]]


def test_a_training_that_diverges_has_no_score_and_all_of_them_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        DivergedError, match=r"^All \d short trainings .* smaller short_training\.lr"
    ):
        score(make_task(tmp_path, lr=1e30))
    train, calls = trainings.train, iter(range(100))

    def wild(*args: Any, **options: Any) -> torch.Tensor:
        losses = train(*args, **options)
        return losses * math.nan if next(calls) == 0 else losses

    monkeypatch.setattr(trainings, "train", wild)
    rows = score(make_task(tmp_path / "some")).rows["scores"]
    failed = [row for row in rows if row["status"] == "failed"]
    assert {(row["score"], row["loss"], row["accuracy"]) for row in failed} == {(None, None, None)}
    assert 0 < len(failed) < len(rows)
    assert score(make_task(tmp_path / "some")).rows["scores"] == rows  # read back


def test_fewer_images_are_drawn_by_the_seed_and_more_than_there_are_is_refused(
    tmp_path: Path,
) -> None:
    settings = ShortTrainingSettings(images=32, valid_images=16)
    chosen = [trainings.choose_images(make_task(tmp_path, seed=s), settings) for s in (0, 0, 1)]
    assert [(len(data.train), len(data.validation)) for data in chosen] == [(32, 16)] * 3
    assert torch.equal(chosen[0].train.pixels, chosen[1].train.pixels)
    assert not torch.equal(chosen[0].train.pixels, chosen[2].train.pixels)
    task = make_task(tmp_path, images=97)
    with pytest.raises(UsageError, match=r"short_training\.images = 97 .* only 96 such images"):
        ShortTraining.check_images(task.config, task.data)


def test_bf16_is_another_training_and_weights_stay_float32(tmp_path: Path) -> None:
    full = score(make_task(tmp_path, measure="loss"))
    half = score(make_task(tmp_path, measure="loss", precision="bf16"))
    np.testing.assert_allclose(
        np.array(scores_of(half), dtype=float), np.array(scores_of(full), dtype=float), rtol=0.2
    )
    assert scores_of(half) != scores_of(full)


def test_the_teacher_is_trained_once_and_its_cost_is_the_preparation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons = []
    train = Teacher._train

    def watch(self: Teacher) -> Any:
        lessons.append(self.name)
        return train(self)

    monkeypatch.setattr(Teacher, "_train", watch)
    plain = score(make_task(tmp_path, measure="loss"))
    taught = {}
    for alpha in (0.5, 0.9):
        estimator = ShortTraining(make_task(tmp_path, measure="loss", alpha=alpha, **TAUGHT))
        estimator.prepare()
        taught[alpha] = estimator.score(KEYS)
        assert estimator.cost()["prepare_s"] > 0
    best = max(map(SPACE.at, SPACE.prefix(1_000)), key=SPACE.baselines["live_params"].score)
    assert lessons == [str(best)]
    assert taught[0.5].facts["teacher"] == str(best)
    assert scores_of(taught[0.5]) != scores_of(taught[0.9])
    assert scores_of(plain) not in map(scores_of, taught.values())
    again = score(make_task(tmp_path / "again", measure="loss", alpha=0.5, **TAUGHT))
    assert scores_of(again) == scores_of(taught[0.5])


def test_without_weight_a_teacher_changes_nothing(tmp_path: Path) -> None:
    plain = score(make_task(tmp_path, measure="sotl"))
    ignored = score(make_task(tmp_path, measure="sotl", alpha=0.0, **TAUGHT))
    assert scores_of(ignored) == scores_of(plain)


def test_a_stopped_teacher_is_trained_anew(tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="Stopped after 1 of 2 epochs of the teacher"):
        score(make_task(tmp_path, Stopping(0), **TAUGHT))
    assert scores_of(score(make_task(tmp_path, **TAUGHT)))


def test_a_teacher_who_answers_to_other_images_is_named(tmp_path: Path) -> None:
    score(make_task(tmp_path, **TAUGHT), KEYS[:1])
    (path,) = (tmp_path / Trainings.family).glob("teacher-*.jsonl")
    header, row = (line.rsplit(" #", 1)[0] for line in path.read_text().splitlines())
    longer = row.replace('"logits": "', '"logits": "AAAA')
    path.write_text(f"{header}\n{longer}\n")
    with pytest.raises(DataError, match=r"does not hold a teacher's answers to 96 images"):
        score(make_task(tmp_path, **TAUGHT))


def test_settings_of_a_teacher_without_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="alpha, temperature needs teacher=true"):
        score(make_task(tmp_path, alpha=0.9, temperature=2.0))


def test_another_teacher_can_be_named(tmp_path: Path) -> None:
    arch = SPACE.format(SPACE.at(KEYS[0]))
    found = score(make_task(tmp_path, teacher_arch=arch, **TAUGHT), KEYS[:1])
    assert found.facts["teacher"] == arch
    assert teaching._choose(SPACE) != SPACE.at(KEYS[0])


class Bare(NB201):
    """A space without networks."""

    name = "bare"

    def networks(self, shape: NetworkShape) -> Networks:
        raise NotImplementedError


def test_a_space_without_networks_is_told_so(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    config = task.config.model_copy(update={"space": f"{__name__}:Bare"})
    with pytest.raises(UsageError, match=r"'short_training' measures .* and space 'bare' has none"):
        score(replace(task, config=config))


@pytest.mark.parametrize(
    "row",
    [
        '{"key": 1}',
        '{"key": 1, "train_loss": ["a"], "loss": 1.0, "accuracy": 1.0, "seconds": 1.0}',
        '{"key": 1, "train_loss": null, "loss": 1.0, "accuracy": 1.0, "seconds": 1.0}',
    ],
)
def test_a_foreign_row_is_refused_by_file_and_line(tmp_path: Path, row: str) -> None:
    score(make_task(tmp_path), KEYS[:1])
    journal = next((tmp_path / Trainings.family).rglob("*.jsonl"))
    journal.write_text(journal.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line \d+: .* is not a row of short trainings"):
        score(make_task(tmp_path), KEYS[:1])


def test_trainings_repeat_none_of_a_truth_that_was_built_here(tmp_path: Path) -> None:
    task = make_task(tmp_path, seed=1)
    settings = ShortTrainingSettings.of(task.config)
    metadata = {"protocol": "{}"}
    built = replace(task, truth=TruthTable(task.truth.name, task.truth.columns, metadata))
    published = replace(task, truth=TruthTable(task.truth.name, task.truth.columns, {}))
    plans = [trainings.make_plan(each, settings, 2) for each in (built, published)]
    assert plans[0].seed > 2**31
    assert plans[1].seed == 1
    headers = [
        trainings.describe(each, plan, each.data)
        for each, plan in zip((built, published), plans, strict=True)
    ]
    assert [header["seed"] for header in headers] == [plan.seed for plan in plans]
    lesson = trainings.Lesson(task.data, None)
    job = (KEYS[0], SPACE.format(SPACE.at(KEYS[0])))
    losses = [trainings.train_one(plan, lesson, job)[1].loss for plan in plans]
    assert losses[0] != losses[1]
