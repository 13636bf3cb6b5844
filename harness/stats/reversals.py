"""Whether the better of two estimators depends on whom they are judged on, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError
from harness.stats.intervals import Interval


@dataclass(frozen=True)
class Verdict:
    """Who ranks better where.

    Attributes:
        winners: Population to the name of the one that is shown to rank better there; None where
            that is not shown: there is no interval, or it holds 0.
        is_reversed: Whether each is shown to be the better one somewhere.
        text: The same in words.
    """

    winners: dict[str, str | None]
    is_reversed: bool
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return dict(vars(self))


def compare_winners(
    names: tuple[str, str],
    differences: Mapping[str, tuple[float | None, Interval | None]],
    metric: str = "tau",
) -> Verdict:
    """Say whether the winner differs between populations.

    A difference counts as shown only if its interval leaves out 0; a reversal needs one shown
    difference either way. Intervals are taken one by one: among many populations at 95%, one in
    twenty shows a difference where there is none.

    Args:
        names: The two estimators, first and second.
        differences: Population to first - second of a metric that is better when higher, and its
            interval; None for what is too few, undefined, or has no interval.
        metric: What the metric is called.

    Returns:
        The verdict.

    Raises:
        UsageError: If the names are equal, or there is no population.
    """
    if names[0] == names[1] or not differences:
        raise UsageError(
            f"'{names[0]}' and '{names[1]}' were to be compared on {len(differences)} populations; "
            "two different names and at least one population are needed. Name them apart."
        )
    winners = {place: _find_winner(names, *pair) for place, pair in differences.items()}
    shown = {name: [place for place in winners if winners[place] == name] for name in names}
    said = {place: _describe(place, *pair) for place, pair in differences.items()}
    parts = [
        f"{name} ranks better on {', '.join(said[place] for place in places)}"
        for name, places in shown.items()
        if places
    ]
    unknown = [said[place] for place, winner in winners.items() if winner is None]
    if unknown:
        parts.append(f"not shown: {', '.join(unknown)}")
    is_reversed = all(shown.values())
    what = f"differences of {metric}, {names[0]} minus {names[1]}, each population at 95%"
    text = f"{_headline(names, shown, is_reversed)} {'; '.join(parts)} ({what})."
    return Verdict(winners, is_reversed, text)


def _find_winner(
    names: tuple[str, str], difference: float | None, interval: Interval | None
) -> str | None:
    if difference is None or interval is None or interval.low <= 0.0 <= interval.high:
        return None
    return names[0] if difference > 0.0 else names[1]


def _headline(names: tuple[str, str], shown: dict[str, list[str]], is_reversed: bool) -> str:
    if is_reversed:
        return "The winner depends on the population:"
    if not any(shown.values()):
        return f"No difference between {names[0]} and {names[1]} is shown on any population:"
    return "No reversal is shown:"


def _describe(place: str, difference: float | None, interval: Interval | None) -> str:
    if difference is None:
        return f"{place} (too few, or undefined)"
    if interval is None:
        return f"{place} ({difference:+.3f}, no interval)"
    return f"{place} ({difference:+.3f}, {interval.low:+.3f} to {interval.high:+.3f})"
