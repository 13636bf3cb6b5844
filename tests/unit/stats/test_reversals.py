"""Who wins where, in words: only what the intervals show."""

from __future__ import annotations

import itertools
import json

import pytest

from harness.errors import UsageError
from harness.stats import Interval, compare_winners

UP = (0.1, Interval(0.05, 0.15, 0.025, "seeds"))
DOWN = (-0.1, Interval(-0.15, -0.05, 0.025, "seeds"))
OPEN = (0.1, Interval(-0.01, 0.21, 0.05, "seeds"))
AT_ZERO = (0.1, Interval(0.0, 0.2, 0.05, "seeds"))
BARE = (0.1, None)
NOTHING = (None, None)


@pytest.mark.parametrize(
    "pair", list(itertools.product([UP, DOWN, OPEN, AT_ZERO, BARE, NOTHING], repeat=2))
)
def test_a_reversal_needs_a_shown_difference_either_way(
    pair: tuple[tuple[float | None, Interval | None], tuple[float | None, Interval | None]],
) -> None:
    verdict = compare_winners(("a", "b"), {"all": pair[0], "live": pair[1]})
    assert verdict.is_reversed == ({UP, DOWN} == set(pair))
    for place, difference in zip(("all", "live"), pair, strict=True):
        assert verdict.winners[place] == {UP: "a", DOWN: "b"}.get(difference)


def test_a_reversal_is_told_with_its_figures() -> None:
    verdict = compare_winners(("ogd", "spos"), {"all": UP, "top_10": DOWN, "live": BARE})
    assert verdict.text == (
        "The winner depends on the population: ogd ranks better on all (+0.100, +0.050 to +0.150); "
        "spos ranks better on top_10 (-0.100, -0.150 to -0.050); not shown: live (+0.100, no "
        "interval) (differences of tau, ogd minus spos, each population at 95%)."
    )


def test_without_a_reversal_the_text_says_that_none_is_shown() -> None:
    verdict = compare_winners(("ogd", "spos"), {"all": DOWN, "top_10": OPEN})
    assert verdict.text.startswith(
        "No reversal is shown: spos ranks better on all (-0.100, -0.150 to -0.050)"
    )
    assert "not shown: top_10 (+0.100, -0.010 to +0.210)" in verdict.text


def test_without_any_difference_nobody_wins() -> None:
    verdict = compare_winners(("ogd", "spos"), {"all": OPEN, "top_10": NOTHING}, "Spearman")
    assert verdict.text.startswith("No difference between ogd and spos is shown on any population")
    assert "top_10 (too few, or undefined)" in verdict.text
    assert "(differences of Spearman, ogd minus spos, each population at 95%)" in verdict.text


def test_the_dictionary_is_json() -> None:
    verdict = compare_winners(("a", "b"), {"all": UP})
    record = json.loads(json.dumps(verdict.to_dict()))
    assert record == {"winners": {"all": "a"}, "is_reversed": False, "text": verdict.text}


def test_equal_names_and_no_population_are_refused() -> None:
    with pytest.raises(UsageError, match="two different names"):
        compare_winners(("a", "a"), {"all": UP})
    with pytest.raises(UsageError, match="at least one population"):
        compare_winners(("a", "b"), {})
