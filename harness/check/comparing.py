"""One figure of both sides of a check: the difference, and what bounds it.

A difference is how much worse the new side is, on the rule's scale.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from harness.check.matching import take_figure
from harness.check.result import CONFIDENCE, POWER
from harness.check.rules import Rule
from harness.check.snapshot import MethodSnapshot
from harness.errors import UsageError
from harness.evaluation import ChosenTruth
from harness.evaluation.judged import judge_alike
from harness.evaluation.pairs import Pairing
from harness.stats import MIN_ARCHS, Case, CaseScores, median_bounds, subtract
from harness.stats.correlation import FloatArray, IntArray, dense_ranks
from harness.stats.uncertainty import EXACT, Uncertainty, over_one_group, over_two_groups

_UNDEFINED = "All scores of a seed of the {} are equal: they rank nothing."
_ONE_SEED = "One seed on each side does not show how {} varies between seeds."
_EXTREME = "D is the median over seeds, as regret is skewed, and of these architectures only."


class Sides(NamedTuple):
    """Two methods to be compared.

    Attributes:
        old: The baseline's.
        new: The one of the same label.
        archs: The architectures that both are compared on, ascending, [n].
        pairing: Which seeds are compared.
        scores: The scores of these seeds, old and new, each seed judged on what neither it nor the
            one that it is compared with was fitted to.
        unit: What a difference of the truth is in, such as "accuracy points".
    """

    old: MethodSnapshot
    new: MethodSnapshot
    archs: IntArray
    pairing: Pairing
    scores: tuple[CaseScores, CaseScores]
    unit: str

    @property
    def is_fitted(self) -> bool:
        """Whether a side was fitted to the truth of some architectures."""
        return any(side.judged is not None for side in self.scores)

    @property
    def n_judged(self) -> tuple[int, ...]:
        """How many architectures each seed is judged on."""
        return self.scores[0].n_per_seed


class Compared(NamedTuple):
    """One figure of both sides.

    Attributes:
        baseline: Mean over the baseline's seeds, geometric for a share; None where undefined.
        new: Mean over the new side's seeds, likewise.
        difference: How much worse the new side is; None where it is undefined.
        low: Its lower bound, one-sided; None where there is none.
        high: Its upper bound.
        to_fail: How far beyond the margin a true difference fails 8 of 10 such checks; None where
            that is unknown.
        note: A caveat, in a sentence; empty if there is none.
        is_whole: Whether all architectures were scored, of which the draw is then no chance.
    """

    baseline: float | None
    new: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    to_fail: float | None = None
    note: str = ""
    is_whole: bool = False


def take_sides(
    old: MethodSnapshot,
    new: MethodSnapshot,
    archs: IntArray,
    pairing: Pairing,
    chosen: ChosenTruth,
) -> Sides:
    """Judge the seeds of two methods that are compared by the truth.

    Raises:
        TruthError: If a seed was fitted to all architectures that are left.
    """
    truth = chosen.goodness[np.searchsorted(chosen.truth.keys, archs)]
    case = Case(archs, None, truth, space=chosen.table.space)
    found = []
    for method, places in ((old, pairing.first), (new, pairing.second)):
        rows = method.score_array[list(places)][:, np.searchsorted(method.index_array, archs)]
        found.append(CaseScores(case, rows, known=np.isnan(rows)))
    scores = judge_alike(*found, is_paired=pairing.is_paired, names=f"'{old.label}'")
    return Sides(old, new, archs, pairing, scores, chosen.metric.difference)


def compare(sides: Sides, rule: Rule) -> Compared:
    """Compare the figure of a rule.

    Raises:
        UsageError: If a side lacks the figure, or the margin would let anything pass.
    """
    metric = rule.quantity.metric
    if metric is None:
        return _compare_measured(sides, rule)
    old, new = (side.sample(metric, "all") for side in sides.scores)
    if "too few" in (old.status, new.status):
        raise UsageError(
            f"Rule '{rule}' is about {rule.quantity.title}, which is {old.n} of the "
            f"{len(sides.archs):,} architectures of '{sides.old.label}'; {MIN_ARCHS} are needed. "
            "Rank more, or leave the rule out."
        )
    if old.value is None or new.value is None:
        note = _UNDEFINED.format("baseline" if old.value is None else "new side")
        return Compared(old.value, new.value, note=note)
    if rule.quantity.is_extreme:
        return _compare_extremes(sides, rule, old.values, new.values)
    is_paired = sides.pairing.is_paired
    if is_paired:
        difference = sides.scores[0].sample(metric, "all", minus=sides.scores[1])
    else:
        difference = subtract(old, new, is_paired=False)
    found = _bound(old.value, new.value, old.value - new.value, difference.uncertainty)
    return found._replace(is_whole=difference.left == 0.0)


def _compare_extremes(sides: Sides, rule: Rule, old: FloatArray, new: FloatArray) -> Compared:
    """Compare what rests on a single architecture, where lower is better, over seeds [seed]."""
    truth = sides.scores[0].case.truth
    most = float(truth.max() - truth.min())
    if rule.margin >= most:
        raise UsageError(
            f"Rule '{rule}' lets everything pass: the largest regret of these "
            f"{len(sides.archs):,} architectures is {most:.4g} {sides.unit}. Give a smaller margin."
        )
    means = float(old.mean()), float(new.mean())
    if not sides.pairing.is_paired:
        note = "No bounds of regret without common seeds. Give the baseline's seeds."
        return Compared(*means, float(np.median(new) - np.median(old)), note=f"{_EXTREME} {note}")
    if _rank_alike(*sides.scores):
        return Compared(*means, 0.0, 0.0, 0.0, note=_EXTREME)
    worse = new - old
    low, high = median_bounds(worse.tolist(), CONFIDENCE) or (None, None)
    note = "" if low is not None else " Bounds need five common seeds."
    return Compared(*means, float(np.median(worse)), low, high, note=_EXTREME + note)


def _rank_alike(first: CaseScores, second: CaseScores) -> bool:
    """Say whether all seeds rank alike: the scores of a baseline are rounded."""
    rows = zip(first.rows, second.rows, strict=True)
    return all(np.array_equal(dense_ranks(old), dense_ranks(new)) for old, new in rows)


def _compare_measured(sides: Sides, rule: Rule) -> Compared:
    """Compare what runs measured in training; a lower figure is better."""
    pairing, name = sides.pairing, rule.quantity.name
    old = np.array(take_figure(sides.old, name, pairing.first, str(rule)))
    new = np.array(take_figure(sides.new, name, pairing.second, str(rule)))
    if pairing.is_paired and np.array_equal(old, new):
        return _bound(float(old.mean()), float(new.mean()), 0.0, EXACT)
    old, new = rule.to_scale(old), rule.to_scale(new)
    uncertainty = over_one_group(new - old) if pairing.is_paired else over_two_groups(new, old)
    note = _ONE_SEED.format(name) if uncertainty.seeds_se is None else ""
    before, after = float(old.mean()), float(new.mean())
    means = rule.to_value(before), rule.to_value(after)
    return _bound(*means, after - before, uncertainty, note)


def _bound(
    old: float, new: float, difference: float, uncertainty: Uncertainty, note: str = ""
) -> Compared:
    half, near = (uncertainty.half_width(share) for share in (CONFIDENCE, POWER))
    if not math.isfinite(half):
        return Compared(old, new, difference, note=note)
    return Compared(old, new, difference, difference - half, difference + half, half + near, note)
