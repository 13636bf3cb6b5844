"""A report in sentences: what was found, on what, against what, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator

from harness.estimators.runs import RUN_SCORE
from harness.evaluation.blocks import write_ends
from harness.evaluation.sentences import REPEATED, has_repeated_seeds
from harness.report.disturbance import EQUAL_LOSS
from harness.report.report import PairResult, Report, Section, TrainingPair
from harness.scores.sets import describe_exclusions
from harness.stats import MIN_ARCHS


def describe_report(report: Report) -> Iterator[str]:
    """Say a report in sentences.

    Args:
        report: The report.

    Yields:
        For each truth who ranks how well, then all differences, then whether the winners depend on
        the population; what training shows; then what has to be known to read them.
    """
    for section in report.sections:
        yield from _describe_section(section)
    for pair in report.training_pairs:
        yield from _describe_training(pair)
    for section in report.sections:
        yield from _describe_truth(section)
    if report.unfinished:
        yield f"Left out, not finished: {', '.join(report.unfinished)}."


def _describe_section(section: Section) -> Iterator[str]:
    taus = []
    for result in section.evaluations:
        tau = result.populations["all"].metrics["tau"]
        value = tau.status if tau.value is None else f"{tau.value:.3f}{write_ends(tau.interval)}"
        seeds = f" ({result.figures.n_seeds} seeds)" if result.figures.n_seeds > 1 else ""
        taus.append(f"{result.estimator.label} {value}{seeds}")
    everything = section.evaluations[0].populations["all"]
    besides = []
    if everything.baselines["params"].value is not None:
        besides.append(f"counting parameters reaches {everything.baselines['params'].value:.3f}")
    if everything.ceiling is not None:
        besides.append(f"the ceiling is {everything.ceiling.tau:.3f}")
    beside = f"; {', '.join(besides)}" if besides else ""
    n = len(section.nb201_index)
    yield f"Against {section.title}, on {n:,} architectures: tau {', '.join(taus)}{beside}."
    yield from map(conclude_pair, section.pairs)
    yield from (pair.comparison.verdict.text for pair in section.pairs)


def conclude_pair(result: PairResult) -> str:
    """Say in words what a difference of taus shows."""
    first, second = result.pair.first.label, result.pair.second.label
    tau = result.comparison.differences["all"]["tau"]
    but = f" But {'; '.join(result.pair.caveats)}." if result.pair.caveats else ""
    if tau.value is None:
        return f"{first} and {second} cannot be compared: tau is {tau.status}.{but}"
    if tau.interval is None:
        return (
            f"{result.pair.name}: tau {tau.value:+.3f} ({result.pair.claim}), without an interval: "
            f"all architectures were ranked, and there is one seed.{but}"
        )
    low, high = tau.interval.low, tau.interval.high
    verdict = "the interval includes zero: no difference is shown"
    if low > 0:
        verdict = f"{first} ranks better"
    elif high < 0:
        verdict = f"{first} ranks worse"
    return (
        f"{result.pair.name}: tau {tau.value:+.3f} [{low:+.3f}, {high:+.3f}] "
        f"({result.pair.claim}): {verdict}.{but}"
    )


def _describe_training(result: TrainingPair) -> Iterator[str]:
    found = {(d.figure, d.condition): d.difference for d in result.differences}
    equal, whole = found[("positive_pd", EQUAL_LOSS)], found[("positive_pd", "")]
    for estimate, where in ((equal, f" {EQUAL_LOSS}"), (whole, " over the whole of training")):
        if estimate.mean is None:
            continue
        if estimate.interval is None:
            verdict = f"without an interval ({result.pair.claim})"
        elif estimate.interval[0] <= 0 <= estimate.interval[1]:
            verdict = "the interval includes zero: no difference in harm is shown"
        else:
            less = "less" if estimate.mean < 0 else "more"
            verdict = f"{result.pair.first.label} does {less} harm to other paths"
        ends = ""
        if estimate.interval is not None:
            ends = f" [{estimate.interval[0]:+.4f}, {estimate.interval[1]:+.4f}]"
        yield f"{result.pair.name}: PD+{where} {estimate.mean:+.4f}{ends} nats: {verdict}."
        return
    return


def _describe_truth(section: Section) -> Iterator[str]:
    modes = sorted({f"'{e.estimator.bn_mode}'" for e in section.evaluations if e.estimator.bn_mode})
    norm = f" Batch norm when ranking: {', '.join(modes)}." if modes else ""
    yield (
        f"Truth: {section.title}, table {section.truth.table} ({section.truth.sha256[:12]}), which "
        f"has it for {section.truth.n_archs:,} architectures.{norm}"
    )
    kinds = {e.estimator.label: e.estimator.score_kind for e in section.evaluations}
    if set(kinds.values()) != {RUN_SCORE}:
        told = kinds.values() if len(set(kinds.values())) == 1 else map(": ".join, kinds.items())
        yield f"Score: {'; '.join(dict.fromkeys(told))}."
    if len(modes) > 1:
        yield "Batch norm differs between the estimators, and moves tau by itself."
    if len(section.nb201_index) < MIN_ARCHS:
        yield f"Figures on fewer than {MIN_ARCHS} architectures are 'too few', and no numbers."
    for result in section.evaluations:
        label, estimator = result.estimator.label, result.estimator
        if has_repeated_seeds(estimator):
            yield f"{label}: {REPEATED}"
        if not result.truth.is_recorded:
            yield (
                f"{label} was ranked against another truth table "
                f"({str(estimator.truth_sha256)[:12]}) than this one."
            )
        if estimator.dataset is not None and section.truth.query.dataset not in (
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
