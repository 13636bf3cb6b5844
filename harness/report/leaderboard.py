"""The leaderboard: how well each estimator ranks, what it costs, and what it adds to the floor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.estimators.cost import LABEL_EPOCHS, LABEL_S, Cost, Labels, find_cost, find_labels
from harness.estimators.matrix import SUPERNETS, ScoreMatrix
from harness.evaluation import Evaluated, JointEvaluation
from harness.report.cells import (
    MARKS,
    write_ends,
    write_figure,
    write_labels,
    write_over,
    write_seconds,
    write_status,
    write_value,
)
from harness.report.markup import Block
from harness.stats import AddedValue, Gain
from harness.stats.added_value import Basis
from harness.stats.combination import write_range
from harness.truth.metric import ACCURACY

TOPS = ("tau_top_50", "tau_top_10", "regret_at_10")
"""Metrics beside tau."""
FAMILY, SEEDS, N, TAU, LEAK_FREE = "family", "seeds", "n", "tau [95%]", "leak_free"
TOP_HALF, TOP_10, REGRET = "top half", "top 10%", "regret @10"
COST, ADDS = "cost, s", "adds [95%]"
_LABEL_HEADINGS = ("labels", "label cost")
EXPENDABLE = (
    *(REGRET, FAMILY, N, "label cost", LEAK_FREE, SEEDS, TOP_HALF, "labels", "cost", ADDS, TOP_10),
)
"""Columns that a narrow terminal does without, in the order in which they go."""


@dataclass(frozen=True, eq=False)
class Place:
    """One estimator's place on the leaderboard.

    Attributes:
        result: Its figures.
        cost: What it costs beside the trainings of its labels; None if unknown.
        labels: The labels that it was fitted to; None if there are none.
        added: What it adds to the floor; None for what is within the floor.
        is_floor: Whether it is the floor.
        is_on_front: Whether no other whose cost has the same unit ranks better for less; None if
            the cost is unknown, as with labels, whose trainings were done elsewhere, or tau is.
    """

    result: Evaluated
    cost: Cost | None
    labels: Labels | None
    added: AddedValue | None
    is_floor: bool
    is_on_front: bool | None

    @property
    def whole_cost(self) -> Cost | None:
        """The whole cost; None if it is unknown, or partly in seconds of another machine."""
        return None if self.labels else self.cost

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        metrics = self.result.populations["all"].metrics
        return {
            "estimator": self.result.label,
            "family": self.result.estimator.family,
            "is_floor": self.is_floor,
            "seeds": list(self.result.estimator.seeds),
            "n_labels": 0 if self.labels is None else self.labels.n,
            LABEL_EPOCHS: 0 if self.labels is None else self.labels.epochs,
            LABEL_S: 0 if self.labels is None else self.labels.seconds,
            "n": self.result.figures.n,
            "n_per_seed": list(self.result.figures.n_per_seed),
            **{name: metrics[name].to_dict() for name in ("tau", *TOPS)},
            "leak_free": self.result.leak_free and self.result.leak_free.to_dict(),
            "cost": self.cost and self.cost.to_dict(),
            "is_on_front": self.is_on_front,
            "added": self.added and self.added.to_dict(),
        }


def make_leaderboard(section: JointEvaluation) -> tuple[Place, ...]:
    """Return the estimators and the floor, the largest tau first."""
    results = list(section.evaluations)
    if section.floor.label not in {result.label for result in results}:
        results.append(section.floor)
    places = [
        Place(
            result,
            find_cost(result.estimator),
            find_labels(result.estimator),
            section.added.get(result.label),
            result.label == section.floor.label,
            None,
        )
        for result in results
    ]
    places = [replace(place, is_on_front=_is_on_front(place, places)) for place in places]
    return tuple(sorted(places, key=lambda place: order_by_tau(place.result)))


def order_by_tau(result: Evaluated) -> float:
    """Return a key that puts the largest tau first, and what has none last."""
    return math.inf if result.tau is None else -result.tau


def find_units(costs: Iterable[Cost | None]) -> list[str]:
    """Return the units of costs, each once."""
    return list(dict.fromkeys(cost.unit for cost in costs if cost is not None and cost.unit))


def of_unit(places: Sequence[Place], unit: str) -> Iterator[tuple[Place, Cost]]:
    """Yield those whose whole cost is in a unit, and the free ones, with their costs."""
    for place in places:
        cost = place.whole_cost
        if cost is not None and cost.unit in (unit, None):
            yield place, cost


def _is_on_front(own: Place, places: Sequence[Place]) -> bool | None:
    cost, tau = own.whole_cost, own.result.tau
    if cost is None or tau is None:
        return None
    for other in places:
        theirs, reached = other.whole_cost, other.result.tau
        if theirs is None or reached is None:
            continue
        if None not in (cost.unit, theirs.unit) and cost.unit != theirs.unit:
            continue
        if theirs.unit is not None and cost.unit is None:
            continue  # nothing costs less than what is free
        is_as_good = reached >= tau and theirs.total <= cost.total
        if is_as_good and (reached, theirs.total) != (tau, cost.total):
            return False
    return True


def leaderboard_block(section: JointEvaluation) -> Block:
    """Make the first table: how well each estimator ranks, its cost, and what it adds."""
    places = make_leaderboard(section)
    units = find_units(place.cost for place in places)
    cost = f"; cost in {' or '.join(units)}" if units else ""
    title = f"Leaderboard, against {section.truth.title}; adds: to {section.floor.label}{cost}"
    return _tabulate(section, places, title, is_short=False)


def short_block(section: JointEvaluation) -> Block:
    """Make the leaderboard without spreads and the parts of costs, for a terminal."""
    title = f"Leaderboard ({len(section.keys):,} architectures, {section.truth.title})"
    return _tabulate(section, make_leaderboard(section), title, is_short=True)


def _tabulate(
    section: JointEvaluation, places: Sequence[Place], title: str, is_short: bool
) -> Block:
    has_labels = any(place.labels for place in places)
    metric = section.truth.metric
    regret = REGRET if metric == ACCURACY else f"{REGRET}, {metric.difference}"
    headings = (
        *("estimator", FAMILY, SEEDS, *(_LABEL_HEADINGS if has_labels else ()), N),
        *(TAU, *((LEAK_FREE,) if has_labels else ()), TOP_HALF, TOP_10),
        *(regret, COST if is_short else f"{COST} (before + each)", ADDS),
    )
    rows = []
    for place in places:
        result, metrics = place.result, place.result.populations["all"].metrics
        family, found = result.estimator.family, result.leak_free
        leak_free = "-" if found is None or found.tau is None else f"{found.tau:.3f}"
        rows.append(
            (
                *(result.label, f"{family} (floor)" if place.is_floor else family),
                str(result.figures.n_seeds),
                *(write_labels(place.labels) if has_labels else ()),
                write_range(result.figures.n_per_seed),
                write_figure(metrics["tau"], with_spread=not is_short),
                *((leak_free,) if has_labels else ()),
                *(write_value(metrics[name]) for name in TOPS),
                _write_cost(place, is_short),
                "-" if place.added is None else write_gain(place.added.everything),
            )
        )
    return Block(title, headings, rows, texts=2)


def write_gain(gain: Gain) -> str:
    """Write an added value with the interval that applies."""
    mark = "" if gain.interval is None else MARKS.get(gain.interval.over, " t")
    return f"{write_change(gain)}{mark}"


def _write_cost(place: Place, is_short: bool) -> str:
    """Write all seconds, with a star on the Pareto front, and what they are made of."""
    if place.cost is None:
        return "-"
    before, each, total = map(
        write_seconds, (place.cost.preparation, place.cost.per_arch, place.cost.total)
    )
    beside = " + labels" if place.labels else "*" if place.is_on_front else ""
    made_of = "" if is_short or place.cost.total == 0.0 else f" ({before} + {each})"
    return f"{total}{beside}{made_of}"


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
    for result in section.evaluations:
        if result.label in told:
            yield _say_added(result.estimator, section.floor.label, section.added[result.label])


def _say_added(estimator: ScoreMatrix, floor: str, added: AddedValue) -> str:
    label, gain = estimator.label, added.everything
    if gain.value is None:
        return f"What {label} adds to {floor} is unknown: {write_status(gain.difference)}."
    verbs = {"adds": "adds to", "hurts": "takes away from"}
    claim = f"{label} {verbs.get(str(gain.verdict), 'adds nothing significant to')} {floor}"
    told = []
    if gain.basis is Basis.SCORES:
        claim = f"{label} beside {floor}"
        told.append("these scores only: one seed gives no verdict")
    if gain.interval is not None:
        told.append(f"95% over {write_over(gain.interval, estimator)}")
    if len(added.seeds) > 1:
        told.append(f"{len(added.seeds)} {estimator.seed_kind}{estimator.held}")
    if added.n_ranked != gain.difference.n:
        told.append(f"ranked among {added.n_ranked:,}")
    basis = f" ({'; '.join(told)})" if told else ""
    text = (
        f"{claim}: combined by rank, tau {write_change(gain)}, from {write_value(gain.floor)} to "
        f"{write_value(gain.together)}{basis}."
    )
    elsewhere = [
        f"{write_change(other)} in {name}"
        for name, other in added.populations.items()
        if name.startswith("top_") and other.verdict is not None
    ]
    if elsewhere:
        text += f" Significant at the top: {', '.join(elsewhere)}."
    if added.chosen is not None:
        text += (
            f" At weight {added.chosen.weight:g}, chosen on {added.chosen.n:,} other "
            f"architectures: {write_change(added.chosen.populations['all'])}."
        )
    return text


def write_change(gain: Gain) -> str:
    """Write an added value with its interval, for a sentence."""
    ends = write_ends(gain.interval, signed=True)
    return f"{write_value(gain.difference, signed=True)}{ends}"
