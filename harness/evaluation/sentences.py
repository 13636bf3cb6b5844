"""An evaluation in sentences: what was found, on what, against what, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.evaluation.blocks import write_ends
from harness.scores.sets import describe_exclusions
from harness.stats import MIN_ARCHS, PopulationResult

if TYPE_CHECKING:
    from harness.estimators.estimator import Estimator
    from harness.evaluation.result import EvaluationResult


MOST_GAP = 30.0
"""Accuracy points; few pairs are further apart, and what is said of them says little."""


def describe(result: EvaluationResult) -> list[str]:
    """Say a result in sentences: the finding, its unit, the truth, what was left out, doubts."""
    estimator, everything = result.estimator, result.populations["all"]
    lines = [
        f"{estimator.label}: {_say_tau(everything)}.",
        *_say_gap(result.figures.gap_curve.reliable_gap, result.figures.n),
        _say_unit(result),
        f"Truth: {result.truth.query}, table {result.truth.table} "
        f"({result.truth.sha256[:12]}), which has it for {result.truth.n_archs:,} architectures.",
    ]
    return [*lines, *_say_left_out(result), *_say_doubts(result)]


def _say_tau(everything: PopulationResult) -> str:
    n, tau = f"{everything.population.n:,}", everything.metrics["tau"]
    if tau.value is None:
        return f"tau on {n} architectures is {tau.status}"
    text = f"tau {tau.value:.3f}{write_ends(tau.interval)} on {n} architectures"
    if everything.ceiling is not None and everything.share_of_ceiling is not None:
        share = f"{everything.share_of_ceiling:.0%} of " if tau.value > 0 else ""
        text += f", {share}the ceiling {everything.ceiling.tau:.3f}"
    params = everything.baselines["params"].value
    return text if params is None else f"{text}; counting parameters reaches {params:.3f}"


def _say_gap(reliable_gap: float | None, n: int) -> list[str]:
    """Say how big a true difference has to be, where that says anything."""
    if n < MIN_ARCHS:
        return []
    if reliable_gap is None or reliable_gap > MOST_GAP:
        return [
            f"At no true gap up to {MOST_GAP:.0f} accuracy points are 90% of pairs in the right "
            "order."
        ]
    return [
        f"At least 90% of pairs of each true gap above {reliable_gap:.2f} accuracy points are in "
        "the right order (by the non-decreasing curve that fits best)."
    ]


def _say_unit(result: EvaluationResult) -> str:
    n_seeds, estimator = result.figures.n_seeds, result.estimator
    kind = f"Score: {estimator.score_kind}, higher is better"
    if estimator.bn_mode is not None:
        kind += f", batch norm '{estimator.bn_mode}'"
    if n_seeds == 1:
        seed = "" if estimator.seeds[0] is None else f" (seed {estimator.seeds[0]})"
        return f"{kind}. One set of scores{seed}: figures speak of it, not of a method over seeds."
    return f"{kind}. Mean over {n_seeds} seeds: {', '.join(map(str, estimator.seeds))}."


def _say_left_out(result: EvaluationResult) -> list[str]:
    lines = []
    if result.estimator.exclusions:
        lines.append(f"Left out of the scores: {describe_exclusions(result.estimator.exclusions)}.")
    if result.n_incomplete:
        lines.append(
            f"Left out: {result.n_incomplete:,} of {result.n_scored:,} architectures, for which "
            "not every seed has a score."
        )
    if result.n_without_truth:
        lines.append(f"Left out: {result.n_without_truth:,} architectures without this truth.")
    if result.n_uncommon:
        lines.append(
            f"Left out: {result.n_uncommon:,} architectures that not all of the estimators that it "
            "is compared with have scored."
        )
    if result.truth.n_missing:
        lines.append(
            f"{result.truth.n_missing:,} more architectures have trainings of that split and "
            f"length, but not that {result.truth.query.rule.kind}."
        )
    return lines


REPEATED = (
    "Some seeds have one and the same scores: they are one training, not several, and intervals "
    "over seeds are too narrow."
)


def has_repeated_seeds(estimator: Estimator) -> bool:
    """Say whether two seeds have exactly the same scores."""
    rows = {row.tobytes() for row in estimator.score}
    return len(rows) < len(estimator.score)


def _say_doubts(result: EvaluationResult) -> list[str]:
    estimator, query, lines = result.estimator, result.truth.query, []
    own = (estimator.dataset, f"{estimator.dataset}-valid")
    tau = result.populations["all"].metrics["tau"]
    is_negative = tau.value is not None and tau.value < 0
    if is_negative and estimator.source != "run" and (not tau.interval or tau.interval.high < 0):
        lines.append(
            "Tau is negative, though lower scores were said to be better: are they?"
            if estimator.score_kind.startswith("minus ")
            else "Tau is negative: if lower scores are better there, say so (--lower-is-better, in "
            "Python lower_is_better=True)."
        )
    if has_repeated_seeds(estimator):
        lines.append(REPEATED)
    if estimator.dataset is not None and query.dataset not in own:
        lines.append(
            f"The scores are of {estimator.dataset}, the truth is of {query.dataset}: a transfer."
        )
    if not result.truth.is_recorded:
        lines.append(
            f"The runs were ranked against another truth table ({str(estimator.truth_sha256)[:12]})"
            " than this one."
        )
    return lines


def describe_together(results: Sequence[EvaluationResult]) -> list[str]:
    """Say what has to be known before results are compared with each other."""
    first = results[0].nb201_index
    if all(np.array_equal(result.nb201_index, first) for result in results):
        return []
    return [
        "These estimators stand on different architectures, so their figures do not compare: a "
        "population alone can reverse who ranks better. 'harness report' takes the common ones."
    ]
