"""The answer in three sentences: what ranks best, what the floor reaches, what it cost."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from harness.estimators.matrix import Loaded, ScoreMatrix
from harness.evaluation import TruthChoice, choose_truth
from harness.report import Report, make_report
from harness.report.answer import MOST_DOUBTS, answer, answer_document, answer_report
from harness.report.contents import Section
from tests.made_reports import make_fitted_report

TRUTH = choose_truth("tiles").truth
ON = "architectures, tiles test, 12 epochs, mean of trials"


def make(
    label: str, noise: float, n_seeds: int = 3, n: int = 300, arch_s: float | None = None
) -> ScoreMatrix:
    rng = np.random.RandomState(sum(map(ord, label)))
    scores = TRUTH.value[:n] + noise * rng.standard_normal((n_seeds, n))
    seeds = tuple(range(n_seeds)) if n_seeds > 1 else (None,)
    return ScoreMatrix(
        label, label, "file", seeds, TRUTH.keys[:n], scores, "made up", arch_s=arch_s
    )


def report(*estimators: ScoreMatrix, **options: str) -> Report:
    return make_report(Loaded(estimators), [TruthChoice("tiles")], **options)


@cache
def clear() -> Report:
    return report(make("good", 1.0, arch_s=2.0), make("bad", 20.0, arch_s=0.5))


@cache
def alike() -> Report:
    return report(*(make(f"e{k}", 2.0) for k in range(7)), make("bad", 30.0))


def test_what_every_interval_shows_to_be_ahead_ranks_best() -> None:
    first, second, third = answer_report(clear())
    (section,) = clear().sections
    taus = {e.label: e.tau for e in section.evaluations}
    assert first.startswith(f"good ranks best of 3 estimators: Kendall tau {taus['good']:.3f} [")
    assert "ahead of live_params, the next, by +0." in first
    assert f"(300 {ON}; 95% over seeds and architectures; 3 seeds)" in first
    floor = section.floor.tau
    assert second.startswith(f"The floor, live_params, reaches {floor:.3f} for nothing, a noise")
    assert f"good leads the floor by {taus['good'] - floor:+.3f} [" in second
    assert ", significantly, and combined with it by rank adds " in second
    assert third == (
        "Cost of one seed for 300 architectures, in seconds as given: good 600, live_params 0."
    )


def test_a_lead_is_the_difference_to_a_baseline_with_its_interval() -> None:
    (section,) = clear().sections
    margins = {margin.pair.second.label: margin.tau for margin in section.margins}
    assert list(margins) == ["live_params", "bad"]
    compared = report(make("good", 1.0), make("bad", 20.0), baseline="good").sections[0].pairs
    (other,) = [pair.comparison.differences["all"]["tau"] for pair in compared]
    own = margins["bad"]
    assert own.value == pytest.approx(-other.value)
    assert own.interval.low == pytest.approx(-other.interval.high)
    assert own.interval.high == pytest.approx(-other.interval.low)


def test_what_is_behind_on_common_seeds_ranks_best_of_nothing() -> None:
    """The largest tau is over all seeds, a lead over those that both have."""
    early, late = make("early", 6.0, n_seeds=4), make("late", 0.01, n_seeds=4)
    both = replace(early, seeds=tuple(range(8)), score=np.vstack([early.score, late.score]))
    first, *_ = answer_report(report(both, make("other", 4.0, n_seeds=4)))
    assert first.startswith("No single best estimator: early has the largest Kendall tau")
    assert "no significant lead over other (-0." in first


def test_without_a_significant_lead_nothing_ranks_best() -> None:
    first, _, third = answer_report(alike())
    (section,) = alike().sections
    assert first.startswith("No single best estimator: ")
    best = section.margins[0].pair.first.label
    others = [margin for margin in section.margins if not margin.is_lead]
    assert len(others) == 6
    assert f"but no significant lead over {others[0].pair.second.label} (+0.0" in first
    assert " and 3 more; it ranks better than live_params and bad (" in first
    assert "ranks best" not in first
    named = [best, *(margin.pair.second.label for margin in others[:3]), "live_params"]
    assert [text.split()[0] for text in third.removeprefix("Cost").split(": ")[1].split(", ")] == (
        named
    )


def test_the_floor_may_be_the_best() -> None:
    first, second, third = answer_report(report(make("bad", 30.0, arch_s=1.0)))
    assert first.startswith("live_params ranks best of 2 estimators: ")
    assert second.endswith(": no estimator has a larger tau than the floor.")
    assert third.endswith("live_params 0, bad 300.")


def test_of_one_set_of_scores_it_speaks_of_these_only() -> None:
    one = report(make("good", 1.0, n_seeds=1), make("bad", 20.0, n_seeds=1))
    assert (
        "; one set of scores each, so of these scores and not of the methods)"
        in (answer_report(one)[0])
    )
    mixed = report(make("good", 1.0), make("bad", 20.0, n_seeds=1))
    said = "95% over seeds and architectures; 3 seeds; one seed of bad, so of these scores only)"
    assert said in answer_report(mixed)[0]


def test_too_few_architectures_rank_nothing() -> None:
    first, second, third = answer_report(report(make("good", 1.0, n=12), make("bad", 9.0, n=12)))
    assert first == (
        f"Which estimator ranks best is unknown: too few architectures (30 are enough) (12 {ON})."
    )
    assert "has no tau: too few" in second
    assert third == "Cost of one seed for 12 architectures: good unknown, live_params 0."


def test_where_too_few_are_left_it_says_how_many_the_truth_lacks() -> None:
    whole = make("mine", 1.0, n_seeds=1)
    others = np.setdiff1d(np.arange(600), TRUTH.keys)[:50]
    keys = np.sort(np.concatenate([whole.keys[:10], others]))
    mine = replace(whole, keys=keys, score=np.arange(60.0)[None])
    first, *_ = answer_report(report(mine))
    assert first.endswith("mean of trials; this truth lacks 50 of the 60 architectures in mine).")


def test_scores_that_all_tie_have_no_rank() -> None:
    flat = replace(make("flat", 1.0), score=np.zeros((3, 300)))
    first, *_ = answer_report(report(flat, make("good", 1.0)))
    assert first.startswith("good ranks best of 2 estimators")
    (only,) = report(flat, floor="flat").sections
    assert "Which estimator ranks best is unknown: tau undefined" in next(answer(only))


def test_what_has_no_interval_is_said_to_have_none() -> None:
    (section,) = clear().sections
    bare = [
        replace(margin, tau=replace(margin.tau, interval=None, over_seeds=None))
        for margin in section.margins
    ]
    made = Section(**{**vars(section), "margins": tuple(bare)})
    first, second, _ = answer(made)
    assert "has no interval, as all architectures were ranked and there is one seed" in first
    assert ", without an interval, and" in second


def test_an_estimator_alone_just_ranks() -> None:
    only = report(make("good", 1.0), floor="good")
    first, second, _ = answer_report(only)
    assert first.startswith("good ranks at Kendall tau 0.")
    assert second.startswith("The floor, good, reaches 0.")


def test_labels_are_part_of_the_cost() -> None:
    made = make_fitted_report({"n": 32}, {"n": 64})
    assert " labels (" in answer_report(made)[2]


def test_few_caveats_stand_below_the_table_and_the_rest_are_counted() -> None:
    made = report(*(make(f"e{k}", 2.0) for k in range(3)))
    assert answer_document(made).notes[1:] == []
    worst = [replace(make(f"e{k}", 2.0), notes=(f"note {k}",)) for k in range(6)]
    notes = answer_document(report(*worst)).notes[1:]
    assert notes[:MOST_DOUBTS] == [f"note {k}" for k in range(MOST_DOUBTS)]
    assert notes[MOST_DOUBTS:] == ["2 more caveats: --section caveats."]


def test_the_only_one_that_is_worse_is_named_and_truths_stand_apart() -> None:
    made = report(make("a", 2.0), make("b", 2.0))
    (section,) = made.sections
    first = answer_report(made)[0]
    assert first.partition("; it ranks better than ")[2].startswith("live_params (300 ")
    twice = replace(made, sections=(section, section))
    assert answer_document(twice).words == [*answer_report(made), "", *answer_report(made)]
    assert answer_report(twice) == answer_report(made) * 2
