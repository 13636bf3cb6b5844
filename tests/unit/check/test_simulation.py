"""The gate's error rates, by simulation: each run draws its training seeds afresh.

A run makes two methods of five seeds, which carry the same signal of the truth, what a training
seed makes of it (shared by both methods where the seeds are the same), and noise of their own.
The true D is known from thousands of draws. Nothing here knows how the bounds were made.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cache

import numpy as np
import pytest
import scipy.stats

from harness.check import Finding, Outcome, check_estimators, parse_rules
from harness.evaluation import choose_truth
from harness.spaces.nb201.encoding import N_ARCHS, sample_indices
from tests.check_cases import (
    SEEDS,
    N,
    draw_scores,
    keep,
    make_estimator,
    make_own_table,
    make_truth,
)

NOMINAL = 0.05
OTHERS = tuple(range(100, 105))
FAST, SLOW = 200, 2000

CHOSEN, SIGNAL = make_truth()


@cache
def true_tau(noise: float) -> float:
    """Expected tau of one seed with this noise of its own, on these architectures."""
    rng = np.random.RandomState(1)
    found = []
    for _ in range(4000):
        shared, own = rng.standard_normal((2, N))
        scores = SIGNAL + 0.6 * shared + noise * own
        found.append(scipy.stats.kendalltau(scores, CHOSEN.truth.value).statistic)
    return float(np.mean(found))


def true_difference(noise: float) -> float:
    return true_tau(0.8) - true_tau(noise)


@cache
def simulate(
    margin: float, noise: float, new_seeds: tuple[int, ...], runs: int
) -> tuple[Finding, ...]:
    """Check methods that differ in their own noise, with other training seeds each time."""
    rules, findings = parse_rules([f"tau:{margin:.9f}"]), []
    for world in range(runs):
        old = make_estimator(CHOSEN, draw_scores(SIGNAL, world=world))
        scores = draw_scores(SIGNAL, new_seeds, noise=noise, own=1, world=world)
        new = make_estimator(CHOSEN, scores, new_seeds)
        findings += check_estimators(keep(CHOSEN, old), [new], CHOSEN, rules).findings
    return tuple(findings)


def share(findings: tuple[Finding, ...], outcome: Outcome) -> float:
    return Counter(finding.outcome for finding in findings)[outcome] / len(findings)


def is_nominal(found: float, runs: int) -> bool:
    """Whether a rate is the nominal one within three binomial standard errors."""
    return abs(found - NOMINAL) <= 3 * math.sqrt(NOMINAL * (1 - NOMINAL) / runs)


@pytest.mark.parametrize("seeds", [SEEDS, OTHERS], ids=["in pairs", "other seeds"])
def test_the_false_alarm_rate_of_no_change_is_nominal_at_the_margin(seeds: tuple[int, ...]) -> None:
    findings = simulate(0.0, 0.8, seeds, FAST)
    assert is_nominal(share(findings, Outcome.FAIL), FAST)
    assert is_nominal(share(findings, Outcome.PASS), FAST)  # which is a claim of its own


def test_a_true_change_of_exactly_the_margin_fails_at_the_nominal_rate() -> None:
    findings = simulate(true_difference(0.9), 0.9, SEEDS, FAST)
    assert is_nominal(share(findings, Outcome.FAIL), FAST)
    assert is_nominal(share(findings, Outcome.PASS), FAST)


def test_no_change_hardly_ever_fails_the_default_margin() -> None:
    rate = share(simulate(0.02, 0.8, SEEDS, FAST), Outcome.FAIL)
    assert rate <= 0.025


def test_the_effect_that_a_check_says_it_could_see_is_seen_in_8_of_10() -> None:
    findings = simulate(0.02, 1.1, SEEDS, FAST)
    visible = float(np.mean([finding.visible for finding in findings if finding.visible]))
    assert true_difference(1.1) == pytest.approx(visible, abs=0.003)  # so that this is its power
    # 0.8 is for a spread that is known; it is estimated from five seeds.
    assert 0.65 <= share(findings, Outcome.FAIL) <= 0.9


def test_a_large_change_is_seen_nearly_always() -> None:
    assert share(simulate(0.02, 1.6, SEEDS, FAST), Outcome.FAIL) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [SEEDS, OTHERS], ids=["in pairs", "other seeds"])
@pytest.mark.parametrize("noise", [0.8, 0.9, 1.1])
def test_rates_at_the_margin_are_nominal_in_many_runs(noise: float, seeds: tuple[int, ...]) -> None:
    findings = simulate(true_difference(noise), noise, seeds, SLOW)
    assert is_nominal(share(findings, Outcome.FAIL), SLOW)
    assert is_nominal(share(findings, Outcome.PASS), SLOW)


def draw_world(world: int, lasting: float) -> Finding:
    """Check on other architectures and other seeds each time; a change has a lasting part.

    The new method sees each architecture through an error that all its seeds share: on some
    architectures it comes out better, on others worse, and their draw is then part of the chance.
    """
    rng = np.random.RandomState(world)
    signal, error = rng.standard_normal((2, N))
    index = np.sort(np.array(sample_indices(N)))
    chosen = choose_truth(
        "tiles", "test", 12, truth=make_own_table(index, 60 + 5 * signal, "drawn")
    )
    old = make_estimator(chosen, draw_scores(signal, world=world))
    new = make_estimator(chosen, draw_scores(signal + lasting * error, own=1, world=world))
    margin = lasting_difference(lasting)
    rules = parse_rules([f"tau:{margin:.9f}"])
    return check_estimators(keep(chosen, old), [new], chosen, rules).findings[0]


@cache
def lasting_difference(lasting: float) -> float:
    """The true D over the space: normal scores and truth have tau = 2/pi asin(r)."""

    def tau(variance: float) -> float:
        return 2 / math.pi * math.asin(1 / math.sqrt(1 + 0.6**2 + variance))

    return tau(0.8**2) - tau(0.8**2 + lasting**2)


@pytest.mark.slow
def test_rates_are_nominal_where_architectures_are_drawn_too() -> None:
    findings = tuple(draw_world(world, 0.6) for world in range(SLOW))
    assert N_ARCHS > 50 * N  # the space is as good as infinite, as the formula has it
    assert is_nominal(share(findings, Outcome.FAIL), SLOW)
    assert is_nominal(share(findings, Outcome.PASS), SLOW)
