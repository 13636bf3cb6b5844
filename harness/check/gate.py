"""The regression gate: is a new ranking as good as the baseline?

D is the baseline's mean minus the new one (for losses the other way round, so that a positive D is
worse), with one-sided 95% bounds. It is a regression if the lower bound is beyond the margin, a
pass if the upper bound is within it, and otherwise inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.check.matching import (
    check_conditions,
    check_truth,
    choose_archs,
    match_methods,
    take_figure,
)
from harness.check.result import CONFIDENCE, POWER, CheckResult, Finding, Outcome
from harness.check.rules import Rule
from harness.check.snapshot import MethodSnapshot, Snapshot, make_snapshot
from harness.errors import UsageError
from harness.estimators.matrix import ScoreMatrix
from harness.estimators.runs import former_settings
from harness.evaluation import ChosenTruth
from harness.evaluation.pairs import (
    Pairing,
    differing_origins,
    find_shared,
    find_unused,
    pair_seeds,
)
from harness.stats import MIN_ARCHS, Sample, sample_metric, subtract
from harness.stats.correlation import FloatArray, IntArray
from harness.stats.uncertainty import EXACT, Uncertainty, over_one_group, over_two_groups

MIN_SEEDS = 5

_BESIDE_PD = {"progress": "progress", "train_loss": "training loss"}
_SETTINGS_DIFFER = (
    "The settings of the runs differ from those of the baseline: the check cannot tell changes of "
    "settings from changes of code."
)


class _Case(NamedTuple):
    """Two sides to be compared, on the same n architectures."""

    old: MethodSnapshot
    new: MethodSnapshot
    archs: IntArray
    truth: FloatArray
    pairing: Pairing
    size: int | None


class _Compared(NamedTuple):
    """One figure of both sides; the difference and its uncertainty are on the rule's scale."""

    baseline: float | None
    new: float | None
    difference: float | None
    uncertainty: Uncertainty = EXACT
    note: str = ""


def check_estimators(
    baseline: Snapshot,
    estimators: Sequence[ScoreMatrix],
    chosen: ChosenTruth,
    rules: Sequence[Rule],
    *,
    min_seeds: int = MIN_SEEDS,
    take_common: bool = False,
) -> CheckResult:
    """Check estimators against a baseline.

    Args:
        baseline: The baseline.
        estimators: At least one, each with a label of its own.
        chosen: The truth, which must be the baseline's.
        rules: At least one.
        min_seeds: Seeds expected on each side; with fewer, the finding says so.
        take_common: Whether to compare on the common architectures where the sets differ.

    Returns:
        The findings.

    Raises:
        MismatchError: If truth, score, batch norm, images or architectures differ, or the sides
            have no method in common.
        UsageError: If a rule needs a figure that a side lacks.
        TruthError: If too few architectures have a truth and all scores.
    """
    check_truth(baseline, chosen)
    found = make_snapshot(estimators, chosen)
    matched = match_methods(_renew(baseline, estimators), found)
    findings: list[Finding] = []
    for old, new in matched.pairs:
        check_conditions(old, new)
        index = choose_archs(old, new, take_common)
        truth = chosen.goodness[np.searchsorted(chosen.truth.keys, index)]
        pairing = pair_seeds(old.seeds, new.seeds, find_shared(old.trainings, new.trainings))
        case = _Case(old, new, index, truth, pairing, chosen.table.space.n_judged)
        findings += [_find(case, rule, min_seeds) for rule in rules]
    return CheckResult(
        tuple(findings), matched.missing, matched.extra, baseline, min_seeds, found.notes
    )


def _find(case: _Case, rule: Rule, min_seeds: int) -> Finding:
    compared = _compare(case, rule)
    half, near = (compared.uncertainty.half_width(share) for share in (CONFIDENCE, POWER))
    difference = compared.difference
    low = high = visible = None
    if difference is not None and math.isfinite(half):
        low, high, visible = difference - half, difference + half, rule.limit + half + near
    notes = (compared.note, *_notes(case, rule, min_seeds))
    return Finding(
        label=case.old.label,
        rule=rule,
        outcome=_decide(compared, low, high, rule.limit),
        baseline=compared.baseline,
        new=compared.new,
        difference=rule.to_margin(difference),
        low=rule.to_margin(low),
        high=rule.to_margin(high),
        visible=rule.to_margin(visible),
        n=len(case.archs),
        baseline_seeds=tuple(case.old.seeds[place] for place in case.pairing.first),
        new_seeds=tuple(case.new.seeds[place] for place in case.pairing.second),
        notes=tuple(note for note in notes if note),
    )


def _decide(compared: _Compared, low: float | None, high: float | None, limit: float) -> Outcome:
    if compared.new is None and compared.baseline is not None:
        return Outcome.FAIL
    if low is None or high is None:
        return Outcome.INCONCLUSIVE
    if low > limit:
        return Outcome.FAIL
    return Outcome.PASS if high <= limit else Outcome.INCONCLUSIVE


def _compare(case: _Case, rule: Rule) -> _Compared:
    quantity = rule.quantity
    if quantity.metric is None:
        return _compare_figures(case, rule)
    pairing = case.pairing
    sides = (case.old, pairing.first), (case.new, pairing.second)
    old, new = (_sample(case, *side, quantity.metric) for side in sides)
    if "too few" in (old.status, new.status):
        raise UsageError(
            f"Rule '{rule}' is about {quantity.title}, which is {old.n} of the {len(case.archs):,} "
            f"architectures of '{case.old.label}'; {MIN_ARCHS} are needed. Rank more, or leave the "
            "rule out."
        )
    means = [None if side.status != "ok" else float(side.values.mean()) for side in (old, new)]
    if means[0] is None or means[1] is None:
        which = "baseline" if means[0] is None else "new side"
        note = f"All scores of a seed of the {which} are equal: they rank nothing."
        return _Compared(means[0], means[1], None, note=note)
    difference = subtract(old, new, is_paired=pairing.is_paired)
    return _Compared(means[0], means[1], means[0] - means[1], difference.uncertainty)


def _renew(baseline: Snapshot, estimators: Sequence[ScoreMatrix]) -> Snapshot:
    """Give methods of an earlier version's baseline the present settings hash and kind of score."""
    now = {
        former: estimator.settings_sha256
        for estimator in estimators
        if estimator.config is not None
        for former in former_settings(estimator.config)
    }
    methods = tuple(
        method.model_copy(
            update={
                "settings_sha256": now.get(str(method.settings_sha256), method.settings_sha256),
                "score_kind": method.score_kind.replace(" moments of training", " checkpoints"),
            }
        )
        for method in baseline.methods
    )
    return baseline.model_copy(update={"methods": methods})


def _sample(case: _Case, method: MethodSnapshot, seeds: Sequence[int], metric: str) -> Sample:
    columns = np.searchsorted(method.index_array, case.archs)
    return sample_metric(metric, method.score_array[list(seeds)][:, columns], case.truth, case.size)


def _compare_figures(case: _Case, rule: Rule) -> _Compared:
    """Compare what runs measured in training; a lower figure is better."""
    pairing, name = case.pairing, rule.quantity.name
    old = np.array(take_figure(case.old, name, pairing.first, str(rule)))
    new = np.array(take_figure(case.new, name, pairing.second, str(rule)))
    if pairing.is_paired and np.array_equal(old, new):
        return _Compared(float(old.mean()), float(new.mean()), 0.0)
    old, new = rule.to_scale(old), rule.to_scale(new)
    uncertainty = over_one_group(new - old) if pairing.is_paired else over_two_groups(new, old)
    note = ""
    if uncertainty.seeds_se is None:
        note = f"One seed on each side does not show how {name} varies between seeds."
    means = float(old.mean()), float(new.mean())
    return _Compared(
        rule.to_value(means[0]), rule.to_value(means[1]), means[1] - means[0], uncertainty, note
    )


def _notes(case: _Case, rule: Rule, min_seeds: int) -> list[str]:
    old, new, pairing = case.old, case.new, case.pairing
    shared, notes = find_shared(old.trainings, new.trainings), []
    if shared:
        notes.append(
            f"{len(shared)} of the {len(pairing.first)} trained supernets are the same on both "
            "sides: this compares two rankings of them, and no training."
        )
    elif pairing.is_single and rule.quantity.metric is not None:
        notes.append(
            "One seed on each side: two trained supernets are compared, over architectures only; "
            "this does not speak of the method over seeds."
        )
    n_seeds = min(len(pairing.first), len(pairing.second))
    if n_seeds < min_seeds and not pairing.is_single:
        notes.append(f"Only {n_seeds} seeds, fewer than the {min_seeds} expected: wide bounds.")
    if not pairing.is_paired:
        notes.append("The seeds differ, so they are compared as independent: wider bounds.")
        if n_seeds == 1 and not pairing.is_single:
            notes.append("The side of one seed is assumed to vary between seeds as the other does.")
    unused = [f"{s} of the baseline" for s in find_unused(old.seeds, pairing.first)]
    unused += [f"{s} of the new side" for s in find_unused(new.seeds, pairing.second)]
    if unused:
        notes.append(f"Seeds left out because one side lacks them: {', '.join(unused)}.")
    if not len(case.archs) == len(old.nb201_index) == len(new.nb201_index):
        sizes = f"{len(old.nb201_index):,} and {len(new.nb201_index):,}"
        notes.append(f"On the {len(case.archs):,} common architectures of {sizes}.")
    if old.settings_sha256 != new.settings_sha256:
        notes.append(_SETTINGS_DIFFER)
    differing = differing_origins(old.made_with, new.made_with)
    if differing:
        notes.append(f"The two sides were made with different {', '.join(differing)}.")
    if rule.quantity.name.endswith("pd"):
        notes += _say_learning(old, new)
    return notes


def _say_learning(old: MethodSnapshot, new: MethodSnapshot) -> list[str]:
    """Show the progress beside disturbance: a slower learner also disturbs less."""
    pairs = [
        f"{title} {np.mean(old.figures[name]):.4f} -> {np.mean(new.figures[name]):.4f}"
        for name, title in _BESIDE_PD.items()
        if name in old.figures and name in new.figures
    ]
    return [f"Read it beside: {', '.join(pairs)}."] if pairs else []
