"""Who is compared with whom, on which seeds, and what a difference then speaks of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.estimators.matrix import ScoreMatrix
from harness.evaluation.pairs import (
    TWO_RANKINGS,
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


def rank_again(estimator: ScoreMatrix, label: str, seeds: tuple[int, ...]) -> ScoreMatrix:
    """Another ranking of the supernets of some seeds; those of other seeds are trained anew."""
    again = make_estimator(label, seeds, bn_mode="recalibrated")
    sources = {
        seed: {"source": {"run_id": record.run_id, "started": record.started}}
        for seed, record in zip(estimator.seeds, estimator.records, strict=True)
    }
    records = [
        record.model_copy(update={"ranking": sources.get(seed, {})})
        for seed, record in zip(seeds, again.records, strict=True)
    ]
    return replace(again, records=tuple(records))


@pytest.mark.parametrize(
    ("seeds", "pairs", "claim"),
    [
        ((0, 1, 2), [(0, 0), (1, 1), (2, 2)], "two rankings of each of 3 trained supernets"),
        # one supernet on both sides: the sides are not independent
        ((2, 7), [(2, 2)], "two rankings of one trained supernet"),
        ((1,), [(1, 1)], "two rankings of one trained supernet"),
    ],
)
def test_two_rankings_of_one_training_are_paired_and_said_to_be_that(
    seeds: tuple[int, ...], pairs: list[tuple[int, int]], claim: str
) -> None:
    first = make_estimator("spos", (0, 1, 2), strategy="spos")
    pair = match_seeds(rank_again(first, "again", seeds), first)
    assert (list(pair.seeds), pair.claim) == (pairs, claim)
    assert (pair.has_shared_training, pair.rows.is_paired) == (True, True)
    assert pair.caveats[0] == "they differ in bn_mode"
    # two rankings that were both taken over have their training in common too
    other = match_seeds(rank_again(first, "b", seeds), rank_again(first, "c", seeds))
    assert other.has_shared_training


def test_where_only_some_seeds_were_ranked_again_it_is_said_of_how_many() -> None:
    first = make_estimator("spos", (0, 1, 2), strategy="spos")
    again = rank_again(first, "again", (0, 1, 2))
    anew = again.records[2].model_copy(update={"ranking": {}})
    pair = match_seeds(replace(again, records=(*again.records[:2], anew)), first)
    assert pair.claim == "over 3 seeds, 2 of which are two rankings of one trained supernet"


def test_a_run_of_the_same_name_that_was_trained_elsewhere_is_another_training() -> None:
    first = make_estimator("spos", (0,), strategy="spos")
    later = first.records[0].model_copy(update={"started": "2026-01-01T00:00:00+00:00"})
    pair = match_seeds(replace(first, label="elsewhere", records=(later,)), first)
    assert (pair.has_shared_training, pair.claim) == (False, TWO_SUPERNETS)


def made_on(estimator: ScoreMatrix, label: str, cpu: str, torch: str, commit: str) -> ScoreMatrix:
    """The same runs, made on another machine."""
    update = {
        "environment": {"cpu": cpu},
        "execution": {"torch": torch, "threads": 1},
        "sources": [{"commit": commit * 20, "dirty": commit == "cd"}],
        "started": label,
    }
    records = tuple(record.model_copy(update=update) for record in estimator.records)
    return replace(estimator, label=label, records=records)


def test_what_differs_between_the_machines_behind_two_runs_is_named() -> None:
    own = make_estimator("spos", (0, 1), strategy="spos")
    amd, intel = made_on(own, "amd", "AMD", "2.13+cpu", "ab"), made_on(own, "i", "Intel", "2", "cd")
    assert match_seeds(amd, intel).caveats == (
        "they were made with different CPU (AMD / Intel), torch (2.13+cpu / 2), "
        "commit (ababababa / cdcdcdcdc (changed))",
    )
    assert match_seeds(amd, made_on(own, "b", "AMD", "2.13+cpu", "ab")).caveats == ()
    assert match_seeds(amd, own).caveats == ()  # nothing is known of that side


def test_a_run_is_compared_with_the_baseline_of_its_own_machine() -> None:
    spos = make_estimator("spos", (0,), strategy="spos")
    ogd = make_estimator("ogd", (0,), strategy="ogd")
    a, b = ("AMD", "2.13", "ab"), ("Intel", "2.13", "ab")
    four = [
        *(made_on(spos, "spos a", *a), made_on(spos, "spos b", *b)),
        *(made_on(ogd, "ogd a", *a), made_on(ogd, "ogd b", *b)),
    ]
    found = [pair.name for pair in choose_pairs(four)]
    assert found == ["spos b minus spos a", "ogd a minus spos a", "ogd b minus spos b"]


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


def test_what_is_no_supernet_is_not_called_one() -> None:
    spos, jacov, params = (
        make_estimator(name, (0,), estimator=name) for name in ("supernet", "jacov", "live_params")
    )
    assert match_seeds(spos, spos).claim == TWO_RANKINGS
    assert match_seeds(jacov, spos).claim == f"{TWO_SCORES}, of one seed"
    assert match_seeds(jacov, params).claim == f"{TWO_SCORES}, of one seed"
    fixed = [replace(each, is_deterministic=True) for each in (params, jacov)]
    assert match_seeds(*fixed).claim == TWO_SCORES


def test_a_setting_that_one_estimator_does_not_read_is_no_difference() -> None:
    jacov = make_estimator("jacov", (0,), estimator="jacov", train_share=0.3, n_archs=3)
    params = make_estimator("params", (0,), estimator="params", n_archs=4)
    assert match_seeds(jacov, params).caveats == ("they differ in n_archs, train_share",)
    stored = {key: params.records[0].config[key] for key in ("estimator", "n_archs", "seed")}
    record = params.records[0].model_copy(update={"config": stored})
    (told,) = match_seeds(jacov, replace(params, records=(record,))).caveats
    assert told == "they differ in n_archs"


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
    assert match_seeds(*runs).caveats == ("they differ in lr",)
    other = make_estimator("b", (0,), lr=0.2, strategy="ogd")
    assert match_seeds(runs[0], other).caveats == ("they differ in more than the strategy: lr",)
    assert match_seeds(runs[0], make_estimator("c", (0,))).caveats == ()
