"""The leaderboard: how well each estimator ranks, what it costs, and what it adds to the floor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.estimators.cost import Cost, find_cost
from harness.estimators.matrix import SUPERNETS
from harness.evaluation import Evaluated, JointEvaluation
from harness.report.cells import MARKS, write_ends, write_figure, write_status, write_value
from harness.report.markup import Block
from harness.stats import AddedValue, Gain
from harness.stats.added_value import Basis

TOPS = ("tau_top_50", "tau_top_10", "regret_at_10")
"""Metrics beside tau."""


@dataclass(frozen=True, eq=False)
class Place:
    """One estimator's place on the leaderboard.

    Attributes:
        result: Its figures.
        cost: What it costs; None if unknown.
        added: What it adds to the floor; None for what is within the floor.
        is_floor: Whether it is the floor.
        is_on_front: Whether no other whose cost has the same unit ranks better for less; None if
            the cost is unknown, or tau is.
    """

    result: Evaluated
    cost: Cost | None
    added: AddedValue | None
    is_floor: bool
    is_on_front: bool | None

    @property
    def n_labels(self) -> int:
        """The most architectures of known accuracy that a seed was fitted to."""
        return max(map(len, self.result.estimator.fitted_on), default=0)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        metrics = self.result.populations["all"].metrics
        return {
            "estimator": self.result.label,
            "family": self.result.estimator.family,
            "is_floor": self.is_floor,
            "seeds": list(self.result.estimator.seeds),
            "n_labels": self.n_labels,
            "n": self.result.figures.n,
            **{name: metrics[name].to_dict() for name in ("tau", *TOPS)},
            "cost": self.cost and self.cost.to_dict(),
            "is_on_front": self.is_on_front,
            "added": self.added and self.added.to_dict(),
        }


def make_leaderboard(section: JointEvaluation) -> tuple[Place, ...]:
    """Return the estimators and the floor, the largest tau first."""
    results = list(section.evaluations)
    if section.floor.label not in {result.label for result in results}:
        results.append(section.floor)
    costs = {result.label: find_cost(result.estimator) for result in results}
    places = [
        Place(
            result,
            costs[result.label],
            section.added.get(result.label),
            result.label == section.floor.label,
            _is_on_front(result, results, costs),
        )
        for result in results
    ]
    return tuple(sorted(places, key=lambda place: order_by_tau(place.result)))


def order_by_tau(result: Evaluated) -> float:
    """Return a key that puts the largest tau first, and what has none last."""
    return math.inf if result.tau is None else -result.tau


def find_units(places: Sequence[Place]) -> list[str]:
    """Return the units of cost, each once."""
    units = (place.cost and place.cost.unit for place in places)
    return list(dict.fromkeys(unit for unit in units if unit))


def of_unit(places: Sequence[Place], unit: str) -> Iterator[tuple[Place, Cost]]:
    """Yield those whose cost is in a unit, and the free ones, with their costs."""
    for place in places:
        if place.cost is not None and place.cost.unit in (unit, None):
            yield place, place.cost


def _is_on_front(
    own: Evaluated, results: Sequence[Evaluated], costs: dict[str, Cost | None]
) -> bool | None:
    cost = costs[own.label]
    if cost is None or own.tau is None:
        return None
    for other in results:
        theirs = costs[other.label]
        if theirs is None or other.tau is None:
            continue
        if None not in (cost.unit, theirs.unit) and cost.unit != theirs.unit:
            continue
        if theirs.unit is not None and cost.unit is None:
            continue  # nothing costs less than what is free
        is_as_good = other.tau >= own.tau and theirs.total <= cost.total
        if is_as_good and (other.tau, theirs.total) != (own.tau, cost.total):
            return False
    return True


def leaderboard_block(section: JointEvaluation) -> Block:
    """Make the first table: how well each estimator ranks, its cost, and what it adds."""
    places = make_leaderboard(section)
    has_labels = any(place.n_labels for place in places)
    headings = (
        *("estimator", "family", "seeds", *(("labels",) if has_labels else ()), "n", "tau [95%]"),
        *("top half", "top 10%", "regret @10", "cost, s (before + each)", "adds [95%]"),
    )
    rows = []
    for place in places:
        result, metrics = place.result, place.result.populations["all"].metrics
        family = result.estimator.family
        rows.append(
            (
                *(result.label, f"{family} (floor)" if place.is_floor else family),
                str(result.figures.n_seeds),
                *((f"{place.n_labels:,}",) if has_labels else ()),
                *(f"{result.figures.n:,}", write_figure(metrics["tau"], with_spread=True)),
                *(write_value(metrics[name]) for name in TOPS),
                _write_cost(place),
                "-" if place.added is None else write_gain(place.added.everything),
            )
        )
    units = find_units(places)
    cost = f"; cost in {' or '.join(units)}" if units else ""
    title = f"Leaderboard, against {section.truth.title}; adds: to {section.floor.label}{cost}"
    return Block(title, headings, rows, texts=2)


def write_gain(gain: Gain) -> str:
    """Write an added value with the interval that applies."""
    mark = "" if gain.interval is None else MARKS.get(gain.interval.over, " t")
    return f"{_write_change(gain)}{mark}"


def _write_cost(place: Place) -> str:
    """Write all seconds, with a star on the Pareto front, and what they are made of."""
    if place.cost is None:
        return "-"
    before, each, total = map(
        _seconds, (place.cost.preparation, place.cost.per_arch, place.cost.total)
    )
    star = "*" if place.is_on_front else ""
    return f"{total}{star}" if place.cost.total == 0.0 else f"{total}{star} ({before} + {each})"


def _seconds(seconds: float) -> str:
    """Write seconds to three digits."""
    if seconds == 0.0:
        return "0"
    return f"{seconds:,.0f}" if seconds >= 100.0 else f"{seconds:.3g}"


def describe_added(section: JointEvaluation) -> Iterator[str]:
    """Say in words what each supernet adds to the floor, and where it takes away.

    Without a supernet it is said of the estimator of the largest tau.
    """
    told = [
        result.label
        for result in section.evaluations
        if result.estimator.family == SUPERNETS and result.label in section.added
    ]
    for place in () if told else make_leaderboard(section):
        if place.added is not None:
            told = [place.result.label]
            break
    for label in told:
        yield _say_added(label, section.floor.label, section.added[label])


def _say_added(label: str, floor: str, added: AddedValue) -> str:
    gain = added.everything
    if gain.value is None:
        return f"What {label} adds to {floor} is unknown: {write_status(gain.difference)}."
    verbs = {"adds": "adds to", "hurts": "takes away from"}
    claim = f"{label} {verbs.get(str(gain.verdict), 'adds nothing significant to')} {floor}"
    told = []
    if gain.basis is Basis.SCORES:
        claim = f"{label} beside {floor}"
        told.append("these scores only: one seed gives no verdict")
    if gain.interval is not None:
        told.append(f"95% over {gain.interval.over}")
    if len(added.seeds) > 1:
        told.append(f"{len(added.seeds)} seeds")
    if added.n_ranked != gain.difference.n:
        told.append(f"ranked among {added.n_ranked:,}")
    basis = f" ({'; '.join(told)})" if told else ""
    text = (
        f"{claim}: combined by rank, tau {_write_change(gain)}, from {write_value(gain.floor)} to "
        f"{write_value(gain.together)}{basis}."
    )
    elsewhere = [
        f"{_write_change(other)} in {name}"
        for name, other in added.populations.items()
        if name.startswith("top_") and other.verdict is not None
    ]
    if elsewhere:
        text += f" Significant at the top: {', '.join(elsewhere)}."
    if added.chosen is not None:
        text += (
            f" At weight {added.chosen.weight:g}, chosen on {added.chosen.n:,} other "
            f"architectures: {_write_change(added.chosen.populations['all'])}."
        )
    return text


def _write_change(gain: Gain) -> str:
    ends = write_ends(gain.interval, signed=True)
    return f"{write_value(gain.difference, signed=True)}{ends}"
