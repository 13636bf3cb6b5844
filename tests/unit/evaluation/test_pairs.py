"""Who is compared with whom, on which seeds, and what a difference then speaks of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.estimators.matrix import ScoreMatrix
from harness.evaluation.pairs import (
    TWO_SCORES,
    TWO_SUPERNETS,
    choose_pairs,
    differing_settings,
    match_seeds,
    pair_seeds,
)
from harness.runs.record import Record
from harness.settings.layers import make_config


def make_estimator(label: str, seeds: tuple[int | None, ...], **settings: Any) -> ScoreMatrix:
    """An estimator of three architectures: of runs if it is given settings, else of a file."""
    records = []
    if settings:
        config = make_config({"seed": 0} | settings)
        records = [
            Record(
                run_id=f"{label}-{seed}", status="finished", started="", config=config.model_dump()
            )
            for seed in seeds
        ]
    return ScoreMatrix(
        label=label,
        method=label,
        source="run" if records else "file",
        seeds=seeds,
        keys=np.arange(3),
        score=np.zeros((len(seeds), 3)),
        score_kind="made up",
        records=tuple(records),
    )


@pytest.mark.parametrize(
    ("first", "second", "pairs", "claim"),
    [
        ((0, 1, 2), (0, 1, 2), [(0, 0), (1, 1), (2, 2)], "over 3 seeds"),
        ((0, 1, 2), (2, 1, 9), [(1, 1), (2, 2)], "over 2 seeds"),
        ((0, 1), (1, 5), [(0, 1), (1, 5)], "over 2 seeds on each side, not the same ones"),
        ((0, 1), (1,), [(0, 1), (1, 1)], "over 2 seeds of a, against one set of scores"),
        ((4,), (4,), [(4, 4)], f"{TWO_SCORES}, of one seed"),
        ((0, 1), (None,), [(0, None), (1, None)], "over 2 seeds of a, against one set of scores"),
        ((None,), (3, 4), [(None, 3), (None, 4)], "over 2 seeds of b, against one set of scores"),
        ((None,), (None,), [(None, None)], TWO_SCORES),
        ((0, 1), (7, 8), [(0, 7), (1, 8)], "over 2 seeds on each side, not the same ones"),
        ((0, 1, 2), (7, 8), [(0, 7), (1, 8), (2, None)], "over 3 and 2 seeds, not the same ones"),
        ((0, 1, 2), (7,), [(0, 7), (1, 7), (2, 7)], "over 3 seeds of a, against one set of scores"),
        ((0,), (None,), [(0, None)], TWO_SCORES),
    ],
)
def test_seeds_are_paired_and_the_claim_says_how(
    first: tuple[int | None, ...],
    second: tuple[int | None, ...],
    pairs: list[tuple[int | None, int | None]],
    claim: str,
) -> None:
    pair = match_seeds(make_estimator("a", first), make_estimator("b", second))
    assert list(pair.seeds) == pairs
    assert pair.claim == claim
    assert pair.name == "a minus b"


def test_seeds_without_a_counterpart_are_named() -> None:
    pair = match_seeds(make_estimator("a", (0, 1, 2)), make_estimator("b", (2, 1, 9)))
    assert pair.caveats == (
        "seeds 0 of a have no counterpart and are not used",
        "seeds 9 of b have no counterpart and are not used",
    )
    apart = match_seeds(make_estimator("a", (0, 1, 2)), make_estimator("b", (7, 8)))
    assert apart.caveats == ()  # independent seeds are all used


@pytest.mark.parametrize(
    ("old", "new", "places", "is_paired"),
    [
        ((0, 1), (0, 1), ((0, 1), (0, 1)), True),
        ((0, 1), (1, 0), ((0, 1), (1, 0)), True),
        ((0, 1, 2), (2,), ((2,), (0,)), True),
        ((1,), (0, 1), ((0,), (1,)), True),
        ((0, 1, 2), (1, 2, 3), ((1, 2), (0, 1)), True),
        ((0, 1), (1, 2), ((0, 1), (0, 1)), False),
        ((0,), (1,), ((0,), (0,)), False),
        ((None,), (None,), ((0,), (0,)), True),
        ((None,), (0, 1), ((0,), (0, 1)), False),
    ],
)
def test_reports_and_the_gate_pair_seeds_by_one_rule(
    old: Any, new: Any, places: Any, is_paired: bool
) -> None:
    assert pair_seeds(old, new) == (*places, is_paired)


def test_a_single_run_is_compared_with_the_run_of_its_seed() -> None:
    several = make_estimator("spos", (0, 1, 2), strategy="spos")
    single = make_estimator("ogd", (1,), strategy="ogd")
    pair = match_seeds(single, several)
    assert (list(pair.seeds), pair.claim) == ([(1, 1)], TWO_SUPERNETS)


def test_one_seed_of_two_runs_is_of_two_supernets() -> None:
    runs = [make_estimator(name, (0,), strategy=name) for name in ("ogd", "spos")]
    assert match_seeds(*runs).claim == TWO_SUPERNETS


def test_every_estimator_but_the_first_is_paired_with_it_unless_one_is_named() -> None:
    three = [make_estimator(name, (None,)) for name in "abc"]
    assert [pair.name for pair in choose_pairs(three)] == ["b minus a", "c minus a"]
    assert [pair.name for pair in choose_pairs(three, "b")] == ["a minus b", "c minus b"]
    assert choose_pairs(three[:1]) == []


def test_all_can_be_paired_with_the_size_of_the_networks() -> None:
    pairs = choose_pairs(
        [make_estimator("a", (0, 1), lr=0.1), make_estimator("b", (None,))], "params"
    )
    assert [pair.name for pair in pairs] == ["a minus params", "b minus params"]
    assert pairs[0].claim == "over 2 seeds of a, against one set of scores"
    own = make_estimator("params", (None,))
    assert choose_pairs([own, make_estimator("b", (None,))], "params")[0].second is own


def test_settings_of_the_strategy_itself_and_the_preset_are_no_other_difference() -> None:
    own = make_config({"strategy": "ogd", "ogd": {"c": 3}, "seed": 4})
    unlike = {"preset": "smoke", "checkpoint_every": 7}
    other = make_config({"strategy": "spos"}).model_copy(update=unlike)
    assert differing_settings(own, other) == []
    for table in ({"nsas": {"weight": 0.1}}, {"own_table": {"x": 1}}):
        assert differing_settings(make_config({"strategy": "x", **table}), make_config()) == []
    slower = make_config({"strategy": "spos", "lr": 0.01, "steps": 7})
    assert differing_settings(own, slower) == ["lr", "steps"]
    watched = make_config({"strategy": "spos", "probe_every": 7, "rank_every": 9, "loss_every": 2})
    assert differing_settings(own, watched) == []


def test_what_else_differs_is_a_caveat() -> None:
    runs = [make_estimator("a", (0,), lr=0.1), make_estimator("b", (0,), lr=0.2)]
    assert match_seeds(*runs).caveats == ("they differ in more than the strategy: lr",)
    assert match_seeds(runs[0], make_estimator("c", (0,))).caveats == ()
