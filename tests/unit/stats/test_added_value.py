"""What an estimator adds to a floor, what that applies to, and weights chosen elsewhere."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from harness.errors import UsageError
from harness.spaces import load_space
from harness.stats import (
    CHOSEN_FROM,
    WEIGHTS,
    AddedValue,
    Basis,
    Case,
    CaseScores,
    Component,
    LogRanks,
    added_value,
    compare_case,
    populations_of,
    rank_together,
)
from harness.stats.contrasts import holm

FloatArray = npt.NDArray[np.float64]
SPACE = load_space()
SIZE = SPACE.size or 0
POPULATIONS = list(populations_of(SPACE))
SEEDS = (0, 1, 2)

RNG = np.random.RandomState(0)
TRUE = 90.0 - RNG.gamma(2.0, 3.0, SIZE)
TRIALS = TRUE[:, None] + 0.3 * RNG.standard_normal((SIZE, 2))
TRUTH = TRIALS.mean(axis=1).round(6)
FLOOR = (TRUE + 4.0 * RNG.standard_normal(SIZE)).round(0)
GOOD = TRUE + 3.0 * RNG.standard_normal((3, SIZE))
NOISE = RNG.standard_normal((3, SIZE))
FIRST = np.array(SPACE.prefix(600))
EVERYTHING = np.arange(SIZE)


def make_case(keys: npt.NDArray[np.int64], trials: FloatArray | None = TRIALS) -> Case:
    return Case(keys, None if trials is None else trials[keys], TRUTH[keys])


def rank(keys: npt.NDArray[np.int64], scores: FloatArray, n_seeds: int = 3) -> LogRanks:
    rows = scores[:n_seeds, keys]
    seeds = SEEDS[:n_seeds]
    return rank_together(keys, [Component("floor", FLOOR[keys]), Component("mine", rows, seeds)])


def measure(
    keys: npt.NDArray[np.int64], scores: FloatArray = GOOD, n_seeds: int = 3, **options: Any
) -> AddedValue:
    return added_value(rank(keys, scores, n_seeds), make_case(keys), **options)


def test_it_is_the_tau_of_all_together_minus_that_of_the_floor() -> None:
    found = measure(FIRST)
    assert (found.estimator, found.floor, found.seeds) == ("mine", ("floor",), SEEDS)
    assert found.n_ranked == 600
    gain = found.populations["all"]
    low = np.log(scipy.stats.rankdata(FLOOR[FIRST]))
    taus = [
        scipy.stats.kendalltau(low + np.log(scipy.stats.rankdata(row[FIRST])), TRUTH[FIRST])[0]
        for row in GOOD
    ]
    floor = scipy.stats.kendalltau(FLOOR[FIRST], TRUTH[FIRST])[0]
    assert gain.floor.value == pytest.approx(floor, rel=1e-12)
    assert gain.together.per_seed == pytest.approx(taus, rel=1e-12)
    assert gain.value == pytest.approx(np.mean(taus) - floor, rel=1e-10)


def test_its_interval_is_that_of_the_paired_difference() -> None:
    found, ranks, case = measure(FIRST), rank(FIRST, GOOD), make_case(FIRST)
    sides = [CaseScores(case, ranks.combine(weights)) for weights in ((1, 1), (1, 0))]
    compared = compare_case(*sides, names=("both", "floor"))
    assert list(found.populations) == POPULATIONS
    for name, gain in found.populations.items():
        assert gain.difference == compared.differences[name]["tau"]
        assert gain.components is None  # the truth's noise is told where nothing else is left
    tau = found.populations["all"]
    assert tau.basis is Basis.METHOD
    assert tau.interval == compared.differences["all"]["tau"].interval
    assert tau.interval is not None
    assert tau.interval.over == "seeds and architectures"


def test_p_values_are_adjusted_over_the_populations_but_all() -> None:
    gains = measure(FIRST, NOISE).populations
    raw = {name: gain.difference.p for name, gain in gains.items()}
    secondary = [name for name in POPULATIONS if name != "all"]
    adjusted = holm([raw[name] or 1.0 for name in secondary])
    assert gains["all"].p == raw["all"]
    assert [gains[name].p for name in secondary] == adjusted


def test_what_helps_adds_and_what_is_noise_hurts_at_equal_weight() -> None:
    assert measure(FIRST).populations["all"].verdict == "adds"
    hurts = measure(FIRST, NOISE).populations["all"]
    assert hurts.verdict == "hurts"
    assert hurts.value is not None
    assert hurts.value < 0.0
    few = measure(FIRST[:40], populations=["top_10"]).populations["top_10"]
    assert (few.value, few.interval, few.verdict, few.difference.status) == (None,) * 3 + (
        "too few",
    )


@pytest.mark.parametrize("keys", [FIRST, EVERYTHING], ids=["sample", "all"])
def test_one_seed_speaks_of_these_scores_only(keys: npt.NDArray[np.int64]) -> None:
    gain = measure(keys, n_seeds=1, populations=["all"]).populations["all"]
    assert gain.basis is Basis.SCORES
    assert (gain.p, gain.verdict) == (None, None)
    is_sample = len(keys) < SIZE
    assert (gain.interval is not None) == is_sample
    assert gain.interval is None or gain.interval.over == "architectures"


def test_several_seeds_on_all_architectures_have_an_interval_over_seeds() -> None:
    gain = measure(EVERYTHING, populations=["all"]).populations["all"]
    assert gain.interval is not None
    assert (gain.basis, gain.interval.over) == (Basis.METHOD, "seeds")
    assert gain.verdict == "adds"


def test_deterministic_estimators_are_compared_over_architectures() -> None:
    gain = measure(FIRST, n_seeds=1, is_deterministic=True).populations["all"]
    assert gain.interval is not None
    assert (gain.basis, gain.interval.over) == (Basis.ARCHITECTURES, "architectures")
    assert gain.verdict == "adds"


def test_on_all_architectures_a_deterministic_one_is_exact_but_for_the_truths_noise() -> None:
    found = measure(EVERYTHING, n_seeds=1, is_deterministic=True)
    gain = found.populations["all"]
    assert gain.basis is Basis.EXACT
    assert gain.difference.interval is None
    assert gain.components is not None
    assert gain.components.truth_se is not None
    assert gain.interval is not None
    assert gain.interval.over == "truth"
    assert gain.interval.se == gain.components.truth_se
    assert gain.verdict == "adds"
    bare = added_value(
        rank(EVERYTHING, GOOD, 1),
        make_case(EVERYTHING, trials=None),
        is_deterministic=True,
        populations=["all"],
    ).populations["all"]
    assert bare.value == gain.value
    assert (bare.interval, bare.p, bare.verdict) == (None, None, None)


def test_a_weight_is_chosen_on_later_architectures_and_judged_on_the_others() -> None:
    keys = np.array([*SPACE.prefix(500), *SPACE.prefix(400, offset=CHOSEN_FROM)])
    found = measure(keys, GOOD)
    assert found.chosen is not None
    assert found.chosen.n == 400
    later = np.arange(len(keys)) >= 500
    ranks = rank(keys, GOOD)
    taus = [
        np.mean(
            [
                scipy.stats.kendalltau(row[later], TRUTH[keys][later])[0]
                for row in ranks.combine((1.0, weight))
            ]
        )
        for weight in WEIGHTS
    ]
    assert found.chosen.weight == WEIGHTS[int(np.argmax(taus))] != 0.0
    gain = found.chosen.populations["all"]
    assert gain.difference.n == 500
    weighted = ranks.combine((1.0, found.chosen.weight))[:, ~later]
    expected = [scipy.stats.kendalltau(row, TRUTH[keys][~later])[0] for row in weighted]
    assert gain.together.per_seed == pytest.approx(expected, rel=1e-12)


def test_the_judged_architectures_have_no_say_in_the_weight() -> None:
    keys = np.array([*SPACE.prefix(2_000), *SPACE.prefix(100, offset=CHOSEN_FROM)])
    fickle = GOOD.copy()
    fickle[:, keys[:2_000]] *= -1.0
    found = measure(keys, fickle)
    assert found.chosen is not None
    assert found.chosen.weight > 0.0
    assert found.chosen.populations["all"].verdict == "hurts"


def test_noise_gets_no_weight_and_then_gains_nothing() -> None:
    keys = np.array([*SPACE.prefix(300), *SPACE.prefix(3_000, offset=CHOSEN_FROM)])
    found = measure(keys, NOISE)
    assert found.chosen is not None
    assert found.chosen.weight == 0.0
    gain = found.chosen.populations["all"]
    assert gain.interval is not None
    assert (gain.value, gain.interval.low, gain.interval.high, gain.verdict) == (
        0.0,
        0.0,
        0.0,
        None,
    )


@pytest.mark.parametrize("offset", [0, CHOSEN_FROM])
def test_without_architectures_on_both_sides_no_weight_is_chosen(offset: int) -> None:
    few = SPACE.prefix(29, offset=CHOSEN_FROM - offset)
    assert measure(np.array([*SPACE.prefix(200, offset), *few])).chosen is None


def test_more_than_one_component_may_be_there_anyway() -> None:
    keys = FIRST
    parts = [Component("a", FLOOR[keys]), Component("b", GOOD[0, keys])]
    ranks = rank_together(keys, [*parts, Component("c", GOOD[1:, keys], (1, 2))])
    found = added_value(ranks, make_case(keys))
    assert found.floor == ("a", "b")
    logs = [np.log(scipy.stats.rankdata(row)) for row in (FLOOR[keys], GOOD[0, keys])]
    floor = scipy.stats.kendalltau(logs[0] + logs[1], TRUTH[keys])[0]
    assert found.populations["all"].floor.value == pytest.approx(floor, rel=1e-12)


def test_the_truth_may_be_of_fewer_architectures_in_any_order() -> None:
    ranks = rank(FIRST, GOOD)
    fewer = FIRST[::-2]
    found = added_value(ranks, make_case(fewer), populations=["all"]).populations["all"]
    places = np.arange(len(FIRST))[::-2]
    expected = [scipy.stats.kendalltau(row[places], TRUTH[fewer])[0] for row in ranks.combine()]
    assert found.together.per_seed == pytest.approx(expected, rel=1e-12)


def test_everything_goes_into_json() -> None:
    keys = np.array([*SPACE.prefix(100), *SPACE.prefix(100, offset=CHOSEN_FROM)])
    written = json.loads(json.dumps(measure(keys).to_dict(), allow_nan=False))
    assert written["populations"]["all"]["basis"] == Basis.METHOD.value
    assert written["chosen"]["n"] == 100


def test_a_floor_is_needed_and_ranks_of_all_that_are_judged() -> None:
    alone = rank_together(FIRST, [Component("mine", GOOD[0, FIRST])])
    with pytest.raises(UsageError, match="'mine' adds to nothing was requested"):
        added_value(alone, make_case(FIRST))
    with pytest.raises(UsageError, match="601 architectures, 1 of which were not ranked"):
        added_value(rank(FIRST, GOOD), make_case(np.array(SPACE.prefix(601))))
