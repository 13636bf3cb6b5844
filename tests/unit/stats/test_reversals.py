"""Who wins where, in words: only what the intervals show."""

from __future__ import annotations

import itertools
import json

import pytest

from harness.errors import UsageError
from harness.stats import Difference, Interval, adjust, compare_winners

UP = Difference(0.1, Interval(0.05, 0.15, 0.025, "seeds"), 0.001)
DOWN = Difference(-0.1, Interval(-0.15, -0.05, 0.025, "seeds"), 0.001)
OPEN = Difference(0.1, Interval(-0.01, 0.21, 0.05, "seeds"), 0.08)
AT_ZERO = Difference(0.1, Interval(0.0, 0.2, 0.05, "seeds"), 0.05)
BARE = Difference(0.1, None, None)
NOTHING = Difference(None, None, None)


@pytest.mark.parametrize(
    "pair", list(itertools.product([UP, DOWN, OPEN, AT_ZERO, BARE, NOTHING], repeat=2))
)
def test_a_reversal_needs_a_shown_difference_either_way(
    pair: tuple[Difference, Difference],
) -> None:
    verdict = compare_winners(("a", "b"), {"all": pair[0], "live": pair[1]})
    assert verdict.is_reversed == ({UP, DOWN} == set(pair))
    for place, difference in zip(("all", "live"), pair, strict=True):
        assert verdict.winners[place] == {UP: "a", DOWN: "b"}.get(difference)


def test_one_of_many_populations_that_leaves_out_zero_is_not_a_winner_by_itself() -> None:
    barely = Difference(-0.1, Interval(-0.19, -0.01, 0.045, "seeds"), 0.03)
    alone = compare_winners(("a", "b"), {"all": OPEN, "top_10": barely})
    assert alone.winners["top_10"] == "b"
    several = {"all": OPEN, "top_10": barely, "live": OPEN, "top_50": OPEN}
    verdict = compare_winners(("a", "b"), several)
    assert verdict.p_values == {"all": 0.08, "top_10": 0.09, "live": 0.16, "top_50": 0.16}
    assert set(verdict.winners.values()) == {None}
    primary = compare_winners(("a", "b"), {**several, "all": barely})
    assert primary.winners["all"] == "b"  # what the contrast is about is not adjusted


def test_what_has_no_interval_is_not_of_the_family() -> None:
    p_values = {"all": 0.04, "live": 0.02, "top_10": None, "top_50": 0.03}
    assert adjust(p_values) == {"all": 0.04, "live": 0.04, "top_10": None, "top_50": 0.04}
    assert adjust({"all": 0.04}) == {"all": 0.04}


def test_a_reversal_is_told_with_its_figures() -> None:
    verdict = compare_winners(("ogd", "spos"), {"all": UP, "top_10": DOWN, "live": BARE})
    assert verdict.text == (
        "The winner depends on the population: ogd ranks better on all (+0.100, +0.050 to +0.150, "
        "p = 0.001); spos ranks better on top_10 (-0.100, -0.150 to -0.050, p = 0.001); no "
        "significant difference on live (+0.100, no interval) (tau, ogd minus spos, with 95% "
        "intervals over seeds; p adjusted by Holm for all populations but 'all')."
    )


def test_without_a_reversal_the_text_says_that_none_is_shown() -> None:
    verdict = compare_winners(("ogd", "spos"), {"all": DOWN, "top_10": OPEN})
    assert verdict.text.startswith(
        "No significant reversal: spos ranks better on all (-0.100, -0.150 to -0.050, p = 0.001)"
    )
    assert (
        "no significant difference on top_10 (+0.100, -0.010 to +0.210, p = 0.080)" in verdict.text
    )


def test_without_any_difference_nobody_wins() -> None:
    verdict = compare_winners(("ogd", "spos"), {"all": OPEN, "top_10": NOTHING}, "Spearman")
    assert verdict.text.startswith(
        "ogd and spos do not differ significantly on any population: all"
    )
    assert "top_10 (too few, or undefined)" in verdict.text
    assert "(Spearman, ogd minus spos, with 95% intervals over seeds; p adjusted" in verdict.text


def test_the_dictionary_is_json() -> None:
    verdict = compare_winners(("a", "b"), {"all": UP})
    record = json.loads(json.dumps(verdict.to_dict()))
    assert record == {
        "winners": {"all": "a"},
        "p_values": {"all": 0.001},
        "is_reversed": False,
        "text": verdict.text,
    }


def test_equal_names_and_no_population_are_refused() -> None:
    with pytest.raises(UsageError, match="two different names"):
        compare_winners(("a", "a"), {"all": UP})
    with pytest.raises(UsageError, match="at least one population"):
        compare_winners(("a", "b"), {})
