"""Whether the better of two estimators depends on the population, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.errors import UsageError
from harness.stats.contrasts import holm
from harness.stats.intervals import Interval

PRIMARY = "all"
"""The population that a contrast is about; the others are secondary."""
LEVEL = 0.05


class Difference(NamedTuple):
    """The difference of two estimators on one population.

    Attributes:
        value: First - second; None if too few or undefined.
        interval: Its own 95% interval; None if not available.
        p: Two-sided p-value for no difference, by the same construction; None without an interval.
    """

    value: float | None
    interval: Interval | None
    p: float | None


@dataclass(frozen=True)
class Verdict:
    """Who ranks better where.

    Attributes:
        winners: Population to the name of the one that ranks significantly better there; None if
            there is no interval, or the p-value is not below 0.05.
        p_values: The p-value of each population, Holm-adjusted for all but the primary one.
        is_reversed: Whether each ranks significantly better on some population.
        text: The same in words.
    """

    winners: dict[str, str | None]
    p_values: dict[str, float | None]
    is_reversed: bool
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return dict(vars(self))


def adjust(p_values: Mapping[str, float | None], primary: str = PRIMARY) -> dict[str, float | None]:
    """Adjust the p-values of one contrast on several populations.

    Every sentence that names a winner on one of several populations uses these. The family is the
    populations of one contrast except the primary one, whose p-value is not adjusted. With m of
    them, separate 95% intervals give a false positive in up to m of 20 contrasts; Holm limits that
    to one in 20, however the populations overlap.

    Args:
        p_values: Population to `MetricResult.p`; None without an interval.
        primary: The population outside the family.

    Returns:
        The same with the family's p-values adjusted; None stays None and is not counted.
    """
    family = {name: p for name, p in p_values.items() if name != primary and p is not None}
    adjusted = dict(zip(family, holm(list(family.values())), strict=True))
    return {name: adjusted.get(name, p) for name, p in p_values.items()}


def compare_winners(
    names: tuple[str, str], differences: Mapping[str, Difference], metric: str = "tau"
) -> Verdict:
    """Decide whether the winner differs between populations.

    A difference is significant if its p-value, adjusted over the populations by `adjust`, is below
    0.05; a reversal needs a significant difference in each direction.

    Args:
        names: The two estimators, first and second.
        differences: Population to the difference, first - second, of a metric for which higher is
            better.
        metric: The metric's name in the text.

    Returns:
        The verdict.

    Raises:
        UsageError: If the names are equal, or there is no population.
    """
    if names[0] == names[1] or not differences:
        raise UsageError(
            f"'{names[0]}' and '{names[1]}' were compared on {len(differences)} populations; "
            "two different names and at least one population are needed. Give them different names."
        )
    p_values = adjust({place: difference.p for place, difference in differences.items()})
    winners = {
        place: find_winner(names, found.value, p_values[place])
        for place, found in differences.items()
    }
    shown = {name: [place for place in winners if winners[place] == name] for name in names}
    described = {
        place: _describe(place, found, p_values[place]) for place, found in differences.items()
    }
    parts = [
        f"{name} ranks better on {', '.join(described[place] for place in places)}"
        for name, places in shown.items()
        if places
    ]
    unknown = [described[place] for place, winner in winners.items() if winner is None]
    if unknown:
        parts.append(f"{'no significant difference on ' if parts else ''}{', '.join(unknown)}")
    is_reversed = all(shown.values())
    over = dict.fromkeys(d.interval.over for d in differences.values() if d.interval is not None)
    what = (
        f"{metric}, {names[0]} minus {names[1]}, with 95% intervals over "
        f"{' or '.join(over) or 'nothing'}; p adjusted by Holm for all populations but '{PRIMARY}'"
    )
    text = f"{_headline(names, shown, is_reversed)} {'; '.join(parts)} ({what})."
    return Verdict(winners, p_values, is_reversed, text)


def find_winner(names: tuple[str, str], value: float | None, p: float | None) -> str | None:
    """Return the first name for a significant difference above 0, the second below, else None."""
    if value is None or p is None or p >= LEVEL:
        return None
    return names[0] if value > 0.0 else names[1]


def _headline(names: tuple[str, str], shown: dict[str, list[str]], is_reversed: bool) -> str:
    if is_reversed:
        return "The winner depends on the population:"
    if not any(shown.values()):
        return f"{names[0]} and {names[1]} do not differ significantly on any population:"
    return "No significant reversal:"


def _describe(place: str, found: Difference, p: float | None) -> str:
    if found.value is None:
        return f"{place} (too few, or undefined)"
    if found.interval is None or p is None:
        return f"{place} ({found.value:+.3f}, no interval)"
    low, high = found.interval[:2]
    p_text = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    return f"{place} ({found.value:+.3f}, {low:+.3f} to {high:+.3f}, {p_text})"
