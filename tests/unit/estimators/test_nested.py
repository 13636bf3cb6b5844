"""Estimators within the run of another: whose scores they are, where from, and at what cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import MismatchError, StoreError
from harness.estimators.base import Task
from harness.estimators.nested import complete, find_needed, nest, with_nested
from harness.estimators.nested_scores import NestedScores
from harness.runs.folder import RunFolder
from harness.settings.run import RunConfig
from harness.testing.tiny import tiny_config
from harness.truth import find_truth
from tests.made_runs import INDICES, N, make_run
from tests.tiny import tiny_task

TRUTH = find_truth("tiles")
KEYS = INDICES.astype(np.int64)
SCORES = np.random.RandomState(0).normal(size=N)


def make_task(out: Path, **settings: Any) -> Task:
    config = tiny_config(
        estimator="predictor",
        n_archs=N,
        zero_cost={"channels": 2, "cells": 1, "batch_size": 8},
        **settings,
    )
    return replace(tiny_task(config, out), folder=RunFolder(out / "mine"))


def make_supernet(task: Task, scores: Any = SCORES, **changes: Any) -> RunFolder:
    """Write the run of `spos` that the task needs."""
    (one,) = nest(["spos"], task.config)
    settings = complete(one.config).model_dump(exclude={"strategy", "seed", "estimator", "n_archs"})
    folder = make_run(task.folder.path.parent, scores, truth=TRUTH, **settings)
    assert folder.path.name == complete(one.config).run_id
    record = folder.read_record()
    data = {**record.data, "images_sha256": task.data.sha256}
    folder.write_record(record.model_copy(update={"data": data, **changes}))
    return folder


def open_spos(task: Task) -> NestedScores:
    scores = NestedScores(task, nest(["spos"], task.config))
    scores.prepare()
    return scores


def test_a_supernets_scores_are_those_of_its_run(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    missing = np.where(np.arange(N) == 3, np.nan, SCORES)
    timings = {"train_s": 100.0, "rank_s": 59.0}
    make_supernet(task, missing, timings=timings, execution={"device": "cpu", "threads": 2})
    scores = open_spos(task)
    np.testing.assert_array_equal(scores.score("spos", KEYS[:10]), missing[:10])
    (run,) = scores.facts()["nested"]
    assert (run["cost"]["preparation"], run["cost"]["total"]) == pytest.approx((200.0, 318.0))
    assert scores.cost() == {}


def test_other_scores_of_the_run_have_another_hash(tmp_path: Path) -> None:
    hashes = []
    for place, scores in (("a", SCORES), ("b", SCORES), ("c", -SCORES)):
        task = make_task(tmp_path / place)
        make_supernet(task, scores)
        hashes.append(open_spos(task).facts()["nested"][0]["scores_sha256"])
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"status": "failed", "reason": "It diverged."}, StoreError, r"is failed: It diverged\."),
        ({"data": {"images_sha256": "0" * 64}}, MismatchError, "which is of other images"),
    ],
)
def test_a_run_that_is_no_use_is_named(
    changes: dict[str, Any], error: type[Exception], words: str, tmp_path: Path
) -> None:
    task = make_task(tmp_path)
    make_supernet(task, **changes)
    with pytest.raises(error, match=rf"needs the scores of run tiles-spos-s0-.*{words}"):
        open_spos(task)


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"tiles-spos-s0-.*which is not in .*compute it first"):
        open_spos(make_task(tmp_path))


def test_what_is_within_the_run_has_the_scores_of_its_own_settings(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    names = ["jacov", "jacov(channels=3)", "live_params"]
    scores = NestedScores(task, nest(names, task.config))
    scores.prepare()
    own, wider, free = (scores.score(name, KEYS) for name in names)
    assert np.isfinite([own, wider, free]).all()
    assert (own != wider).any()
    alone = NestedScores(task, nest(["jacov"], task.config))
    np.testing.assert_array_equal(alone.score("jacov", KEYS[::-1]), own[::-1])
    cost = scores.cost()
    assert cost is not None
    assert cost["score_s"] > 0.0
    assert scores.facts() == {}


def test_what_has_no_live_path_is_below_all_others(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    scores = NestedScores(task, nest(["nwot"], task.config))
    scores.prepare()
    found = scores.score("nwot", KEYS)
    space = TRUTH.space
    is_dead = np.array([not space.is_live(space.at(key)) for key in KEYS.tolist()])
    assert is_dead.any()
    assert found[is_dead].max() < found[~is_dead].min()


def resolve(**settings: Any) -> RunConfig:
    return complete(tiny_config(estimator="predictor", **settings))


def test_what_decides_nested_scores_decides_the_name_and_nothing_else_does(tmp_path: Path) -> None:
    plain = {"n": 4, "features": "graf"}
    supernet = {"n": 4, "features": "graf+ogd(alpha=0.5)"}
    assert resolve(predictor=plain, lr=0.3).run_id == resolve(predictor=plain).run_id
    whole = resolve(predictor=supernet)
    for change in ({"lr": 0.3}, {"rank_images": 20}, {"ogd": {"layers": "shared"}}):
        assert resolve(predictor=supernet, **change).run_id != whole.run_id
    assert resolve(predictor=supernet, strategy="fairnas").run_id == whole.run_id
    assert resolve(predictor=supernet, zero_cost={"cells": 2}).run_id == whole.run_id
    assert complete(RunConfig(**whole.stored())) == whole
    (run,) = find_needed(whole, tmp_path)
    assert (run.strategy, run.tables["ogd"]["alpha"]) == ("ogd", 0.5)
    assert "alpha" not in whole.tables["ogd"]
    assert [one.method for one in with_nested(whole)] == ["ogd", "predictor"]


def test_variants_that_read_different_settings_keep_what_was_given(tmp_path: Path) -> None:
    features = "graf+ogd+ogd(projector=covariance)"
    whole = resolve(predictor={"n": 4, "features": features}, ogd={"layers": "shared"})
    assert complete(whole) == whole
    assert whole.tables["ogd"] == {"layers": "shared"}
    plain, other = find_needed(whole, tmp_path)
    assert [one.tables["ogd"]["layers"] for one in (plain, other)] == ["shared"] * 2
    assert [one.tables["ogd"]["projector"] for one in (plain, other)] == ["rls", "covariance"]


def test_labels_of_another_seed_share_the_task_but_not_the_supernet(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    held = nest(["spos", "jacov"], task.config, supernet_seed=7)
    assert [one.config.seed for one in held] == [7, 0]
    other = replace(task, config=task.config.model_copy(update={"seed": 1}))
    assert nest(["spos"], other.config, 7)[0].config.seed == 7
