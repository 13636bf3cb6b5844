"""Whether the better of two estimators depends on the population, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.errors import UsageError
from harness.stats.contrasts import holm
from harness.stats.intervals import Interval

PRIMARY = "all"
LEVEL = 0.05


class Shown(NamedTuple):
    """A difference, first - second, of a metric that is better when higher.

    Attributes:
        value: The difference; None where it is too few, or undefined.
        interval: Its 95% interval; None where it has none.
        p: Two-sided p-value of no difference, by the same construction; None likewise.
    """

    value: float | None
    interval: Interval | None
    p: float | None


@dataclass(frozen=True)
class Verdict:
    """Who ranks better where.

    Attributes:
        winners: Population to the name of the one that is shown to rank better there; None where
            that is not shown.
        p_values: Population to the p-value of no difference, that of "all" as it is and those of
            the others corrected by Holm for their number; None without an interval.
        is_reversed: Whether each is shown to be the better one somewhere.
        text: The same in words.
    """

    winners: dict[str, str | None]
    p_values: dict[str, float | None]
    is_reversed: bool
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return dict(vars(self))


def compare_winners(
    names: tuple[str, str], differences: Mapping[str, Shown], metric: str = "tau"
) -> Verdict:
    """Say whether the winner differs between populations.

    The population "all" is primary, and tested at 5% by itself. The others are one family: a
    difference counts as shown if its p-value, corrected by Holm for their number, is below 5%. A
    reversal needs one shown difference either way.

    Args:
        names: The two estimators, first and second.
        differences: By population.
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
    p_values = _correct({place: shown.p for place, shown in differences.items()})
    winners = {place: _find_winner(names, differences[place], p) for place, p in p_values.items()}
    shown = {name: [place for place in winners if winners[place] == name] for name in names}
    said = {place: _describe(place, differences[place], p) for place, p in p_values.items()}
    parts = [
        f"{name} ranks better on {', '.join(said[place] for place in places)}"
        for name, places in shown.items()
        if places
    ]
    unknown = [said[place] for place, winner in winners.items() if winner is None]
    if unknown:
        prefix = "no significant difference on " if parts else ""
        parts.append(f"{prefix}{', '.join(unknown)}")
    is_reversed = all(shown.values())
    what = f"{metric}, {names[0]} minus {names[1]}{_say_method(differences)}"
    text = f"{_headline(names, shown, is_reversed)} {'; '.join(parts)} ({what})."
    return Verdict(winners, p_values, is_reversed, text)


def _correct(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Correct the p-values of all populations but the primary one, in the order given."""
    family = {place: p for place, p in p_values.items() if place != PRIMARY and p is not None}
    corrected = dict(zip(family, holm(list(family.values())), strict=True))
    return {place: corrected.get(place, p) for place, p in p_values.items()}


def _find_winner(names: tuple[str, str], shown: Shown, p: float | None) -> str | None:
    if shown.value is None or p is None or p >= LEVEL:
        return None
    return names[0] if shown.value > 0.0 else names[1]


def _headline(names: tuple[str, str], shown: dict[str, list[str]], is_reversed: bool) -> str:
    if is_reversed:
        return "The winner depends on the population:"
    if not any(shown.values()):
        return f"{names[0]} and {names[1]} do not differ significantly on any population:"
    return "No reversal is shown:"


def _describe(place: str, shown: Shown, p: float | None) -> str:
    if shown.value is None:
        return f"{place} (too few, or undefined)"
    if shown.interval is None or p is None:
        return f"{place} ({shown.value:+.3f}, no interval)"
    low, high = shown.interval[:2]
    return f"{place} ({shown.value:+.3f}, {low:+.3f} to {high:+.3f}, p {p:.3f})"


def _say_method(differences: Mapping[str, Shown]) -> str:
    """Say what the intervals are over, and which p-values are corrected for how many."""
    over = dict.fromkeys(d.interval.over for d in differences.values() if d.interval is not None)
    n_family = sum(d.p is not None for place, d in differences.items() if place != PRIMARY)
    text = f"; 95% intervals over {' or '.join(over)}" if over else ""
    if n_family > 1:
        text += f"; p of the {n_family} populations other than {PRIMARY} corrected by Holm"
    return text
