"""Who wins where, in words: only what the intervals show."""

from __future__ import annotations

import itertools
import json

import pytest

from harness.errors import UsageError
from harness.stats import Interval, compare_winners
from harness.stats.reversals import Shown
from harness.stats.uncertainty import EXACT, Uncertainty

UP = Shown(0.1, Interval(0.05, 0.15, 0.025, "seeds"), 0.001)
DOWN = Shown(-0.1, Interval(-0.15, -0.05, 0.025, "seeds"), 0.001)
OPEN = Shown(0.1, Interval(-0.01, 0.21, 0.05, "seeds"), 0.07)
AT_ZERO = Shown(0.1, Interval(0.0, 0.2, 0.05, "seeds"), 0.05)
BARE = Shown(0.1, None, None)
NOTHING = Shown(None, None, None)


@pytest.mark.parametrize(
    "pair", list(itertools.product([UP, DOWN, OPEN, AT_ZERO, BARE, NOTHING], repeat=2))
)
def test_a_reversal_needs_a_shown_difference_either_way(
    pair: tuple[Shown, Shown],
) -> None:
    verdict = compare_winners(("a", "b"), {"all": pair[0], "live": pair[1]})
    assert verdict.is_reversed == ({UP, DOWN} == set(pair))
    for place, difference in zip(("all", "live"), pair, strict=True):
        assert verdict.winners[place] == {UP: "a", DOWN: "b"}.get(difference)


def test_a_reversal_is_told_with_its_figures() -> None:
    verdict = compare_winners(("ogd", "spos"), {"all": UP, "top_10": DOWN, "live": BARE})
    assert verdict.text == (
        "The winner depends on the population: ogd ranks better on all (+0.100, +0.050 to +0.150, "
        "p 0.001); spos ranks better on top_10 (-0.100, -0.150 to -0.050, p 0.001); no "
        "significant difference on live (+0.100, no interval) (tau, ogd minus spos; 95% intervals "
        "over seeds)."
    )


def test_without_a_reversal_the_text_says_that_none_is_shown() -> None:
    verdict = compare_winners(("ogd", "spos"), {"all": DOWN, "top_10": OPEN})
    assert verdict.text.startswith(
        "No reversal is shown: spos ranks better on all (-0.100, -0.150 to -0.050, p 0.001)"
    )
    assert "no significant difference on top_10 (+0.100, -0.010 to +0.210, p 0.070)" in verdict.text


def test_without_any_difference_nobody_wins() -> None:
    verdict = compare_winners(("ogd", "spos"), {"all": OPEN, "top_10": NOTHING}, "Spearman")
    assert verdict.text.startswith("ogd and spos do not differ significantly on any population:")
    assert "top_10 (too few, or undefined)" in verdict.text
    assert "(Spearman, ogd minus spos; 95% intervals over seeds)" in verdict.text


def test_one_of_many_populations_has_to_pass_for_all_of_them() -> None:
    by_chance = UP._replace(p=0.02)
    others = dict.fromkeys(("live", "top_50", "without_none"), OPEN)
    verdict = compare_winners(("a", "b"), {"all": OPEN, "top_10": by_chance, **others})
    assert set(verdict.winners.values()) == {None}
    assert verdict.p_values["top_10"] == pytest.approx(4 * 0.02)
    assert verdict.p_values["all"] == 0.07  # the primary one stands by itself
    assert "p of the 4 populations other than all corrected by Holm" in verdict.text
    alone = compare_winners(("a", "b"), {"all": by_chance, **others})
    assert alone.winners["all"] == "a"
    surely = compare_winners(("a", "b"), {"all": OPEN, "top_10": UP, **others})
    assert surely.winners["top_10"] == "a"


@pytest.mark.parametrize("value", [0.03, -0.11, 0.2])
@pytest.mark.parametrize("parts", [(0.02, 2.0, 0.05), (None, 0.0, 0.05), (0.04, 9.0, 0.0)])
def test_the_interval_of_the_p_value_ends_at_zero(
    value: float, parts: tuple[float | None, float, float | None]
) -> None:
    found = Uncertainty(*parts)
    p = found.p_value(value)
    assert p is not None
    assert found.half_width(1.0 - p / 2.0) == pytest.approx(abs(value), rel=1e-4)


def test_a_p_value_where_nothing_scatters_or_nothing_is_known() -> None:
    assert (EXACT.p_value(0.0), EXACT.p_value(0.1)) == (1.0, 0.0)
    assert Uncertainty(None, 0.0, None).p_value(0.1) is None


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
