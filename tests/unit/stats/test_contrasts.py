"""Contrasts over paired seeds, their correction, and what a design can see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_rel

from harness.errors import UsageError
from harness.stats import holm, paired_contrast, smallest_detectable


def test_a_contrast_is_scipys_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.6, 0.03, 8), rng.normal(0.58, 0.03, 8)
    expected = ttest_rel(a, b)
    found = paired_contrast(a - b)
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.mean, found.sd, found.n) == pytest.approx(
        (np.mean(a - b), np.std(a - b, ddof=1), 8)
    )


def test_differences_that_are_all_the_same_have_no_spread() -> None:
    assert paired_contrast([0.0, 0.0]).p == 1
    assert paired_contrast([0.1, 0.1]).p == 0


@pytest.mark.parametrize("bad", [[], [0.1], [0.1, float("nan")], [[0.1, 0.2]]])
def test_too_few_or_missing_differences_are_refused(bad: list[float]) -> None:
    with pytest.raises(UsageError, match=r"needs 2 or more finite differences"):
        paired_contrast(bad)


def test_holm_multiplies_the_smallest_most_and_never_turns_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_makes_a_false_claim_in_no_more_than_five_percent_of_families() -> None:
    rng = np.random.default_rng(1)
    false = [min(holm(rng.uniform(size=6).tolist())) < 0.05 for _ in range(4_000)]
    assert np.mean(false) < 0.06


def test_the_smallest_detectable_difference_is_found_in_eighty_percent_of_studies() -> None:
    sd, n, rng = 0.03, 5, np.random.default_rng(2)
    effect = smallest_detectable(sd, n)
    found = [paired_contrast(rng.normal(effect, sd, n)).p < 0.05 for _ in range(2_000)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)
    assert smallest_detectable(sd, 10) < effect
