"""The regression gate: is a new ranking as good as the baseline?

D is the baseline's mean minus the new one (for losses the other way round, so that a positive D is
worse; for regret the median over seeds), with one-sided 95% bounds. It is a regression if the lower
bound is beyond the margin, a pass if the upper bound is within it, and otherwise inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.check.comparing import Compared, Sides, compare, take_sides
from harness.check.matching import check_conditions, check_truth, choose_archs, match_methods
from harness.check.result import CheckResult, Finding, Outcome
from harness.check.rules import Rule
from harness.check.snapshot import MethodSnapshot, Snapshot, make_snapshot
from harness.estimators.matrix import ScoreMatrix
from harness.estimators.runs import former_settings
from harness.evaluation import ChosenTruth
from harness.evaluation.pairs import differing_origins, find_shared, find_unused, pair_seeds

MIN_SEEDS = 5

_BESIDE_PD = {"progress": "progress", "train_loss": "training loss"}
_SETTINGS_DIFFER = (
    "The settings of the runs differ from those of the baseline: the check cannot tell changes of "
    "settings from changes of code."
)


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
        pairing = pair_seeds(old.seeds, new.seeds, find_shared(old.trainings, new.trainings))
        sides = take_sides(old, new, index, pairing, chosen)
        findings += [_find(sides, rule, min_seeds) for rule in rules]
    return CheckResult(
        tuple(findings), matched.missing, matched.extra, baseline, min_seeds, found.notes
    )


def _find(sides: Sides, rule: Rule, min_seeds: int) -> Finding:
    found = compare(sides, rule)
    visible = None if found.to_fail is None else rule.limit + found.to_fail
    notes = (found.note, *_notes(sides, rule, min_seeds, found.is_whole))
    return Finding(
        label=sides.old.label,
        rule=rule,
        outcome=_decide(found, rule.limit),
        baseline=found.baseline,
        new=found.new,
        difference=rule.to_margin(found.difference),
        low=rule.to_margin(found.low),
        high=rule.to_margin(found.high),
        visible=rule.to_margin(visible),
        unit=sides.unit if rule.quantity.is_extreme else "",
        n=len(sides.archs) if rule.quantity.is_extreme else min(sides.n_judged),
        baseline_seeds=tuple(sides.old.seeds[place] for place in sides.pairing.first),
        new_seeds=tuple(sides.new.seeds[place] for place in sides.pairing.second),
        notes=tuple(note for note in notes if note),
    )


def _decide(found: Compared, limit: float) -> Outcome:
    if found.new is None and found.baseline is not None:
        return Outcome.FAIL
    if found.low is None or found.high is None:
        return Outcome.INCONCLUSIVE
    if found.low > limit:
        return Outcome.FAIL
    return Outcome.PASS if found.high <= limit else Outcome.INCONCLUSIVE


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


def _notes(sides: Sides, rule: Rule, min_seeds: int, is_whole: bool) -> list[str]:
    old, new, pairing = sides.old, sides.new, sides.pairing
    shared, notes = find_shared(old.trainings, new.trainings), []
    is_extreme = rule.quantity.is_extreme
    if shared and not sides.is_fitted:
        notes.append(
            f"{len(shared)} of the {len(pairing.first)} seeds have the same weights on both sides: "
            "this compares two rankings by these weights, not two trainings."
        )
    elif pairing.is_single and rule.quantity.metric is not None:
        compared = "two fitted predictors" if sides.is_fitted else "two sets of scores"
        over = "" if is_extreme else ", over architectures only"
        if is_whole:
            over = (
                ", exactly, as all architectures are scored: the bounds are the difference itself"
            )
        notes.append(
            f"One seed on each side: {compared} are compared{over}; this does not speak of the "
            "method over seeds."
        )
    n_seeds = min(len(pairing.first), len(pairing.second))
    if n_seeds < min_seeds and not pairing.is_single:
        notes.append(
            f"Only {n_seeds} seeds, fewer than the {min_seeds} expected: wide bounds, or none."
        )
    if not pairing.is_paired and not is_extreme:
        notes.append("The seeds differ, so they are compared as independent: wider bounds.")
        if n_seeds == 1 and not pairing.is_single:
            notes.append("The side of one seed is assumed to vary between seeds as the other does.")
    unused = [f"{s} of the baseline" for s in find_unused(old.seeds, pairing.first)]
    unused += [f"{s} of the new side" for s in find_unused(new.seeds, pairing.second)]
    if unused:
        notes.append(f"Seeds left out because one side lacks them: {', '.join(unused)}.")
    if not len(sides.archs) == len(old.nb201_index) == len(new.nb201_index):
        sizes = f"{len(old.nb201_index):,} and {len(new.nb201_index):,}"
        notes.append(f"On the {len(sides.archs):,} common architectures of {sizes}.")
    if sides.is_fitted and not is_extreme:
        sizes = " to ".join(f"{n:,}" for n in sorted({min(sides.n_judged), max(sides.n_judged)}))
        notes.append(
            f"Each label seed is judged on {sizes} of {len(sides.archs):,} architectures, those "
            "that neither side was fitted to."
        )
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
