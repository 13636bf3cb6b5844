"""Two stages: what is re-ordered, by what, and what becomes of ties, labels and failures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import UsageError
from harness.estimators.base import Scores, dead_cells, name_rows, score_cells
from harness.estimators.free import Free
from harness.estimators.nested import complete
from harness.estimators.two_stage import TwoStage, TwoStageSettings
from harness.settings.layers import make_config
from harness.spaces import load_space
from harness.stats.combination import Component, rank_together
from harness.testing.tiny import tiny_config
from tests.tiny import tiny_task

SPACE = load_space()
N_ARCHS = 60
KEYS = SPACE.prefix(N_ARCHS)
LIVE = [key for key in KEYS if SPACE.is_live(SPACE.at(key))]
DEAD = set(KEYS) - set(LIVE)
HERE = "tests.unit.estimators.test_two_stage"


class Distinct(Free):
    """Scores without ties: the key, from a seventh of the space on."""

    asked: tuple[int, ...] = ()
    bad: frozenset[int] = frozenset()

    def prepare(self) -> None:
        """Do nothing."""

    def value(self, key: int) -> float:
        """Score one."""
        return float((key * 7) % 15_625)

    def score(self, keys: Sequence[int]) -> Scores:
        """Score; what has no live path is dead, what is bad fails."""
        type(self).asked += tuple(keys)
        cells = (
            dead_cells()
            if key in DEAD
            else score_cells(None if key in self.bad else self.value(key))
            for key in keys
        )
        return Scores({"scores": name_rows(keys, SPACE, cells)}, {}, {})

    def cost(self) -> dict[str, float]:
        """Count a second for each."""
        return {"score_s": float(len(self.asked))}


class Other(Distinct):
    """Another order."""

    def value(self, key: int) -> float:
        """Score one."""
        return float((key * 11) % 9_973)


class Levels(Distinct):
    """Three levels, which tie."""

    def value(self, key: int) -> float:
        """Score one."""
        return float(key % 3)


FIRST, OTHER, LEVELS = (f"{HERE}:{own.__name__}" for own in (Distinct, Other, Levels))


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    for own in (Distinct, Other, Levels):
        monkeypatch.setattr(own, "asked", ())
        monkeypatch.setattr(own, "bad", frozenset())


def make(out: Path, **settings: Any) -> TwoStage:
    config = tiny_config(
        estimator="two-stage",
        n_archs=N_ARCHS,
        **{"two-stage": {"first": FIRST, "second": OTHER, "share": 0.25, **settings}},
        predictor={"n": 10, "model": "forest"},
        zero_cost={"channels": 2, "cells": 1, "batch_size": 8},
    )
    config = complete(config)
    estimator = TwoStage(tiny_task(config, out))
    estimator.prepare()
    return estimator


def score(estimator: TwoStage, keys: Sequence[int] = KEYS) -> dict[int, Any]:
    rows = estimator.score(keys).rows["scores"]
    assert [row["nb201_index"] for row in rows] == list(keys)
    return {row["nb201_index"]: row for row in rows}


def order(rows: dict[int, Any]) -> list[int]:
    """Return what has a score, the best first."""
    scored = [key for key, row in rows.items() if row["status"] == "ok"]
    return sorted(scored, key=lambda key: -rows[key]["score"])


def value(own: type[Distinct], key: int) -> float:
    return own.value(own.__new__(own), key)


def test_the_best_share_is_reordered_and_stays_above_the_rest(tmp_path: Path) -> None:
    rows = score(make(tmp_path))
    by_first = sorted(LIVE, key=lambda key: -value(Distinct, key))
    n = math.ceil(0.25 * N_ARCHS)
    top = sorted(by_first[:n], key=lambda key: -value(Other, key))
    assert top != by_first[:n]
    assert order(rows) == [*top, *by_first[n:]]
    assert {key for key, row in rows.items() if row["status"] == "dead"} == DEAD
    assert DEAD


def test_the_second_is_asked_for_the_share_alone(tmp_path: Path) -> None:
    estimator = make(tmp_path)
    score(estimator)
    n = math.ceil(0.25 * N_ARCHS)
    assert (len(Distinct.asked), len(Other.asked)) == (N_ARCHS, n)
    assert len(set(Other.asked)) == n
    assert estimator.cost() == {"score_s": float(N_ARCHS + n)}


def test_with_a_share_of_1_the_order_is_that_of_the_second(tmp_path: Path) -> None:
    rows = score(make(tmp_path, share=1))
    assert order(rows) == sorted(LIVE, key=lambda key: -value(Other, key))


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan"), "half"])
def test_a_share_is_above_0_and_1_at_most(share: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"two-stage\.share = "):
        make(tmp_path, share=share)


def test_the_smallest_share_is_one_architecture(tmp_path: Path) -> None:
    assert order(score(make(tmp_path, share=1e-9))) == sorted(
        LIVE, key=lambda key: -value(Distinct, key)
    )
    assert len(Other.asked) == 1


def test_what_ties_with_the_last_of_the_share_is_reordered_too(tmp_path: Path) -> None:
    estimator = make(tmp_path, first=LEVELS, share=0.05)
    rows = score(estimator)
    best = [key for key in LIVE if key % 3 == 2]
    assert len(best) > math.ceil(0.05 * N_ARCHS)
    found = order(rows)
    assert found[: len(best)] == sorted(best, key=lambda key: -value(Other, key))
    middle = {rows[key]["score"] for key in LIVE if key % 3 == 1}
    assert len(middle) == 1  # the rest ties as the first has it
    assert f"the best {len(best)} by" in estimator.score(KEYS).facts["score_kind"]


def test_what_the_second_cannot_score_has_none_and_the_next_best_comes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_first = sorted(LIVE, key=lambda key: -value(Distinct, key))
    bad = frozenset(by_first[:4])
    monkeypatch.setattr(Other, "bad", bad)
    estimator = make(tmp_path)
    rows = score(estimator)
    assert {key for key, row in rows.items() if row["status"] == "failed"} == bad
    assert len(Other.asked) == len(set(Other.asked))  # whoever comes in is asked alone
    n = math.ceil(0.25 * (N_ARCHS - 4))
    left = [key for key in by_first if key not in bad]
    assert order(rows)[:n] == sorted(left[:n], key=lambda key: -value(Other, key))
    assert order(rows)[n:] == left[n:]


def test_a_stage_can_be_a_combination_with_weights(tmp_path: Path) -> None:
    rows = score(make(tmp_path, first=f"{FIRST}+2*{LEVELS}", share=1e-9))
    ranks = rank_together(
        KEYS,
        [Component(own.__name__, [value(own, key) for key in KEYS]) for own in (Distinct, Levels)],
        [key in DEAD for key in KEYS],
    )
    expected = dict(zip(KEYS, ranks.combine([1, 2])[0].tolist(), strict=True))
    assert order(rows) == sorted(LIVE, key=lambda key: -expected[key])


def test_labels_of_a_stage_are_not_scored_and_not_counted(tmp_path: Path) -> None:
    estimator = make(tmp_path, second="predictor(n=30)")
    rows = score(estimator)
    labelled = {key for key, row in rows.items() if row["status"] == "label"}
    assert labelled == estimator.fitted_on
    assert len(labelled) == 30
    found = estimator.score(KEYS)
    assert {row["nb201_index"] for row in found.tables["labels"]} == labelled
    assert found.facts["labels"] == "tiles test, 12 epochs, mean of trials"
    n = math.ceil(0.25 * 30)
    assert (
        f"place among 30, 1 is the worst: by {FIRST}, the best {n} by"
        in (found.facts["score_kind"])
    )
    rest = [key for key in LIVE if key not in labelled]
    by_first = sorted(rest, key=lambda key: -value(Distinct, key))
    assert set(order(rows)[:n]) == set(by_first[:n])
    assert order(rows)[n:] == by_first[n:]


def test_a_score_does_not_depend_on_which_others_are_asked_for(tmp_path: Path) -> None:
    whole, some = score(make(tmp_path)), KEYS[5:20][::-1]
    assert score(make(tmp_path), some) == {key: whole[key] for key in some}
    other = next(key for key in range(100) if key not in KEYS)
    with pytest.raises(UsageError, match=r"1 architectures were asked for that this run does not"):
        score(make(tmp_path), (*some, other))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"first": "jacof"}, "Unknown estimator 'jacof'. Did you mean 'jacov'"),
        ({"first": "jacov+jacov"}, "names jacov twice"),
        ({"second": "two-stage(share=0.5)"}, r"given two-stage\(share=0.5\) as a stage"),
        ({"second": "predictor(n=8)+predictor(n=9)"}, "which are fitted to labels each"),
        ({"supernet_seed": 1}, r"two-stage\.supernet_seed = 1 was given, and has no effect"),
        ({"first": "predictor(features=graf+predictor(n=8))"}, "is fitted to labels itself"),
    ],
)
def test_a_mistake_is_refused(settings: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        make(tmp_path, **settings)


def test_names_are_stored_in_one_way_with_what_decides_their_scores(tmp_path: Path) -> None:
    def config(**settings: Any) -> Any:
        return complete(tiny_config(estimator="two-stage", **settings))

    second = "predictor(n=8,features=graf+jacov(cells=1))"
    whole = config(**{"two-stage": {"second": second}})
    assert whole.tables["two-stage"] == {
        "first": "live_params+jacov",
        "second": "predictor(n=8, features=graf+jacov(cells=1))",
        "share": 0.3,
    }
    assert complete(whole) == whole
    assert "n" not in whole.tables["predictor"]
    assert {"seed", "split_seed"} <= whole.stored().keys()
    assert "steps" not in whole.stored()
    spaced = config(**{"two-stage": {"second": second.replace(",", ",  ")}})
    assert spaced.run_id == whole.run_id
    for other in (
        {"two-stage": {"second": second, "share": 0.2}},
        {"two-stage": {"second": second}, "predictor": {"model": "gp"}},
        {"two-stage": {"second": second}, "zero_cost": {"batch_size": 9}},
        {"two-stage": {"second": second.replace("graf", "graf+spos")}},
    ):
        assert config(**other).run_id != whole.run_id
    assert config(**{"two-stage": {"second": second}}, lr=0.3).run_id == whole.run_id


def test_a_score_is_the_place_from_the_worst(tmp_path: Path) -> None:
    rows = score(make(tmp_path))
    scores = np.array([rows[key]["score"] for key in order(rows)])
    assert (np.diff(scores) < 0).all()
    assert scores[0] == N_ARCHS


def test_the_first_stage_is_of_the_floor_of_the_space() -> None:
    for space, first in (("nb201", "live_params+jacov"), ("macro", "depth+jacov")):
        config = make_config({"space": space, "estimator": "two-stage"})
        assert TwoStageSettings.of(config).first == first
