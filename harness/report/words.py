"""A report in sentences: the result, the evidence, then what has to be known to read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import Evaluated, PairResult, TruthSource
from harness.report.cells import find_interval, write_ends
from harness.report.contents import Contents, TrainingPair
from harness.report.disturbance import EQUAL_LOSS
from harness.scores import on_one_line
from harness.scores.sets import describe_exclusions
from harness.spaces import DEFAULT, Space
from harness.stats import MIN_ARCHS

MOST_GAP = 30.0
"""Accuracy points; few pairs are further apart, and a figure of these says little."""
REPEATED = (
    "Some seeds have exactly the same scores: they are one training, not several, and intervals "
    "over seeds are too narrow."
)


def describe_evaluation(result: Evaluated) -> tuple[str, ...]:
    """Describe one estimator: how well it ranks, by which truth, what was left out, doubts."""
    lines = [
        say_ranking([result]),
        *_say_gap(result),
        _say_scores([result.estimator]),
        _say_seeds(result.estimator),
        _say_truth(result.truth, result.estimator.space),
        *_say_few(result),
        *_say_notes(result),
    ]
    return tuple(map(on_one_line, lines))


def describe_together(results: Sequence[Evaluated]) -> list[str]:
    """Say what has to be known before results are compared with each other."""
    first = results[0].keys
    if all(np.array_equal(result.keys, first) for result in results):
        return []
    return [
        "These estimators are judged on different architectures, so their figures do not compare: "
        "a population alone can reverse who ranks better. 'harness report' takes the common ones."
    ]


def describe_report(report: Contents) -> tuple[str, ...]:
    """Describe a report.

    Args:
        report: The report.

    Returns:
        For each truth who ranks how well, then all differences, then whether the winners depend on
        the population; what training shows; then what has to be known to read them.
    """
    return tuple(map(on_one_line, _describe(report)))


def _describe(report: Contents) -> Iterator[str]:
    for section in report.sections:
        yield say_ranking(section.evaluations)
        yield from map(conclude_pair, section.pairs)
        yield from (pair.comparison.verdict.text for pair in section.pairs)
    for pair in report.training_pairs:
        yield from _conclude_training(pair)
    for section in report.sections:
        yield _say_truth(section.truth, section.space)
        yield _say_scores([result.estimator for result in section.evaluations])
        yield from _say_few(section.evaluations[0])
        for result in section.evaluations:
            yield from _say_notes(result)
    if report.unfinished:
        yield f"Left out, not finished: {', '.join(report.unfinished)}."


def say_ranking(evaluations: Sequence[Evaluated]) -> str:
    """Say how well estimators rank, on the same architectures, beside the floor and the ceiling."""
    first = evaluations[0]
    everything = first.populations["all"]
    taus, overs = zip(*map(_say_tau, evaluations), strict=True)
    if len(set(overs)) > 1:
        taus = tuple(f"{tau}{over}" for tau, over in zip(taus, overs, strict=True))
        overs = ("",)
    besides = []
    floor = first.estimator.space.floor
    reached = everything.baselines[floor].value
    if reached is not None:
        score = "counting parameters" if floor == "params" else f"the baseline {floor}"
        besides.append(f"{score} reaches {reached:.3f}")
    if everything.ceiling is not None:
        besides.append(f"the ceiling is {everything.ceiling.tau:.3f}")
    if len(evaluations) == 1 and (everything.share_of_ceiling or 0.0) > 0.0:
        besides[-1] += f", of which {everything.share_of_ceiling:.0%} is reached"
    beside = f"; {', '.join(besides)}" if besides else ""
    return (
        f"Kendall tau against {first.truth.query} ({first.figures.n:,} architectures): "
        f"{', '.join(taus)}{overs[0]}{beside}."
    )


def _say_tau(result: Evaluated) -> tuple[str, str]:
    """Say an estimator's tau, and what its interval is over."""
    tau = result.populations["all"].metrics["tau"]
    if tau.value is None:
        return f"{result.label} {tau.status}", ""
    interval, n_seeds = find_interval(tau), result.figures.n_seeds
    seeds = f"{n_seeds} seeds" if n_seeds > 1 else ""
    over = "" if interval is None else f"95% over {interval.over}"
    basis = "; ".join(filter(None, (over, seeds)))
    text = f"{result.label} {tau.value:.3f}{write_ends(interval)}"
    return text, f" ({basis})" if basis else ""


def _say_gap(result: Evaluated) -> list[str]:
    """Say how big a true difference has to be, where that says anything."""
    if result.figures.n < MIN_ARCHS:
        return []
    gap = result.figures.gap_curve.reliable_gap
    if gap is None or gap > MOST_GAP:
        return [
            f"At no true gap up to {MOST_GAP:.0f} accuracy points are 90% of pairs in the right "
            "order."
        ]
    return [
        f"At least 90% of pairs of each true gap above {gap:.2f} accuracy points are in the right "
        "order (by the non-decreasing curve that fits best)."
    ]


def conclude_pair(result: PairResult) -> str:
    """Say what a difference of taus shows."""
    first, second = result.pair.first.label, result.pair.second.label
    tau = result.comparison.differences["all"]["tau"]
    but = f" But {'; '.join(result.pair.caveats)}." if result.pair.caveats else ""
    if tau.value is None:
        return f"{first} and {second} cannot be compared: tau is {tau.status}.{but}"
    interval = find_interval(tau)
    if interval is None:
        return (
            f"{result.pair.name}: tau {tau.value:+.3f} ({result.pair.claim}), without an interval: "
            f"all architectures were ranked, and there is one seed.{but}"
        )
    verdict = "no significant difference"
    if interval.low > 0:
        verdict = f"{first} ranks better"
    elif interval.high < 0:
        verdict = f"{first} ranks worse"
    return (
        f"{result.pair.name}: tau {tau.value:+.3f}{write_ends(interval, signed=True)} (95% over "
        f"{interval.over}; {result.pair.claim}): {verdict}.{but}"
    )


def _conclude_training(result: TrainingPair) -> Iterator[str]:
    """Say who disturbs other paths less: at equal training loss, or else over all of training."""
    found = {(d.figure, d.condition): d.difference for d in result.differences}
    for condition, where in ((EQUAL_LOSS, EQUAL_LOSS), ("", "over the whole of training")):
        estimate = found["positive_pd", condition]
        if estimate.mean is None:
            continue
        ends, verdict = "", f"without an interval ({result.pair.claim})"
        if estimate.interval is not None:
            low, high = estimate.interval
            ends = f" [{low:+.4f}, {high:+.4f}]"
            verdict = "no significant difference"
            if not low <= 0 <= high:
                less = "less" if high < 0 else "more"
                verdict = f"{result.pair.first.label} disturbs other paths {less}"
        over = " (95% over seeds)" if ends else ""
        yield f"{result.pair.name}: PD+ {where} {estimate.mean:+.4f}{ends} nats{over}: {verdict}."
        return


def _say_truth(truth: TruthSource, space: Space) -> str:
    of = "" if space.name == DEFAULT else f" of space '{space.name}'"
    text = (
        f"Truth{of}: {truth.query}, table {truth.table} ({truth.sha256[:12]}), which has it for "
        f"{truth.n_archs:,} architectures"
    )
    if truth.n_missing:
        text += (
            f"; {truth.n_missing:,} more have trainings of that split and length, but not that "
            f"{truth.query.rule.kind}"
        )
    return f"{text}."


def _say_scores(estimators: Sequence[ScoreMatrix]) -> str:
    """Say what the scores are, and in which mode of batch norm they were made."""
    kinds = {e.label: e.score_kind for e in estimators}
    is_one_kind = len(set(kinds.values())) == 1
    told = list(kinds.values())[:1] if is_one_kind else list(map(": ".join, kinds.items()))
    text = f"Score (higher is better): {'; '.join(told)}."
    modes = sorted({f"'{e.bn_mode}'" for e in estimators if e.bn_mode})
    if modes:
        text += f" Batch norm when ranking: {', '.join(modes)}."
    if len(modes) > 1:
        text += " It differs between the estimators, and moves tau by itself."
    return text


def _say_seeds(estimator: ScoreMatrix) -> str:
    if len(estimator.seeds) == 1:
        seed = "" if estimator.seeds[0] is None else f" (seed {estimator.seeds[0]})"
        return f"One set of scores{seed}: figures are of these scores, not of a method over seeds."
    return f"Mean over {len(estimator.seeds)} seeds: {', '.join(map(str, estimator.seeds))}."


def _say_few(result: Evaluated) -> list[str]:
    if result.figures.n >= MIN_ARCHS:
        return []
    return [f"Figures on fewer than {MIN_ARCHS} architectures are 'too few', and no numbers."]


def _say_notes(result: Evaluated) -> Iterator[str]:
    """Say what was left out of one estimator, and what speaks against its figures."""
    label, estimator, query = result.label, result.estimator, result.truth.query
    tau = result.populations["all"].metrics["tau"]
    is_negative = tau.value is not None and tau.value < 0
    if is_negative and estimator.source != "run" and (not tau.interval or tau.interval.high < 0):
        yield (
            f"Tau of {label} is negative; lower values score better here: check --lower-is-better "
            "(in Python lower_is_better)."
            if estimator.score_kind.startswith("minus ")
            else f"Tau of {label} is negative: if its lower scores are better, give "
            "--lower-is-better (in Python lower_is_better=True)."
        )
    if has_repeated_seeds(estimator):
        yield f"{label}: {REPEATED}"
    if not result.truth.is_recorded:
        yield (
            f"{label} was ranked against another truth table "
            f"({str(estimator.truth_sha256)[:12]}) than this one."
        )
    if estimator.dataset is not None and query.dataset not in (
        estimator.dataset,
        f"{estimator.dataset}-valid",
    ):
        yield f"{label} was trained on {estimator.dataset}: a transfer to this truth."
    left_out = {
        "without a score of every seed": result.n_incomplete,
        "without this truth": result.n_without_truth,
        "not scored by all estimators": result.n_uncommon,
    }
    counted = [f"{n:,} {why}" for why, n in left_out.items() if n]
    if estimator.exclusions:
        counted.append(f"of its scores: {describe_exclusions(estimator.exclusions)}")
    if counted:
        yield f"Left out of {label} ({result.n_scored:,} scored): {', '.join(counted)}."


def has_repeated_seeds(estimator: ScoreMatrix) -> bool:
    """Say whether two seeds have exactly the same scores."""
    return len({row.tobytes() for row in estimator.score}) < len(estimator.score)
