"""A report in sentences: result first, then evidence, then caveats."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from harness.estimators.combined import tell_chosen
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import Evaluated, PairResult, TruthSource
from harness.report.caveats import find_floor, say_few, say_notes, say_populations, say_ranked_last
from harness.report.cells import (
    find_interval,
    write_ends,
    write_estimate,
    write_gap,
    write_over,
    write_status,
)
from harness.report.contents import Contents, Section, TrainingPair
from harness.report.disturbance import EQUAL_LOSS
from harness.report.grids import say_grids
from harness.report.leaderboard import describe_added, order_by_tau
from harness.report.parts import (
    CAVEATS,
    DIFFERENCES,
    DISTURBANCE,
    LEADERBOARD,
    TRADE_OFF,
    pick,
)
from harness.report.side_by_side import say_side_by_side
from harness.report.trade_offs import say_trade_off
from harness.scores import on_one_line
from harness.spaces import DEFAULT, Space
from harness.stats import MIN_ARCHS
from harness.stats.combination import write_range
from harness.stats.gaps import MIN_PAIRS
from harness.truth import TruthQuery
from harness.truth.metric import PERCENT

MOST_GAP = 30.0
"""Points of a percentage; too few pairs are further apart for a meaningful figure."""
MOST_SAID = 5
"""Estimators of which the first sentence gives tau; the leaderboard has all."""


def describe_evaluation(result: Evaluated) -> tuple[str, ...]:
    """Describe one estimator: how well it ranks, by which truth, what was left out, caveats."""
    lines = [
        say_ranking([result], None),
        *_say_gap(result),
        _say_scores([result.estimator]),
        _say_seeds(result.estimator),
        _say_truth(result.truth, result.estimator.space),
        *say_few(result),
        *say_notes(result, None),
        *say_ranked_last([result]),
        *result.estimator.notes,
        *say_populations(result),
    ]
    return tuple(map(on_one_line, lines))


def describe_together(results: Sequence[Evaluated]) -> list[str]:
    """Warn if results are on different architectures."""

    def by(result: Evaluated) -> tuple[str, TruthQuery]:
        return result.truth.space, result.truth.query

    firsts = {by(result): result.keys for result in reversed(results)}
    if all(np.array_equal(result.keys, firsts[by(result)]) for result in results):
        return []
    return [
        "These estimators are judged on different architectures, so their figures are not "
        "comparable: the population alone can reverse which one ranks better. 'harness report' "
        "judges all on the architectures that they have in common."
    ]


def describe_report(report: Contents, parts: Collection[str] = ()) -> tuple[str, ...]:
    """Describe a report.

    Args:
        report: The report.
        parts: Names of `PARTS` to keep to; all by default.

    Returns:
        Of many truths, on how many each estimator adds to the floor; for each how well each
        estimator ranks, what supernets add to the floor, then all differences, then whether the
        winner depends on the population; what training shows; then the caveats.
    """
    return tuple(map(on_one_line, pick(_describe(report), parts)))


def find_doubts(report: Contents) -> list[str]:
    """Return what may cast doubt on the figures: the caveats that not every report has."""
    return list(dict.fromkeys(map(on_one_line, _doubt(report))))


def _doubt(report: Contents) -> Iterator[str]:
    yield from compare_archs(report)
    for section in report.sections:
        yield from section.truth.notes
        yield from _say_doubts(section)
        for estimator in _list_estimators(section):
            yield from estimator.notes
            yield from tell_chosen(estimator.components)
    yield from _say_unfinished(report)


def _describe(report: Contents) -> Iterator[tuple[str, str]]:
    """Yield the part of the report that a sentence belongs to, and the sentence."""

    def of(part: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
        return ((part, line) for line in lines)

    yield from of(LEADERBOARD, say_side_by_side(report.sections))
    for section in report.sections:
        yield LEADERBOARD, say_ranking(section.evaluations, section.floor)
        yield from of(LEADERBOARD, say_grids(section))
        yield from of(LEADERBOARD, describe_added(section))
        yield from of(DIFFERENCES, map(conclude_pair, section.pairs))
        yield from of(DIFFERENCES, (pair.comparison.verdict.text for pair in section.pairs))
        yield from of(TRADE_OFF, say_trade_off(section))
    for pair in report.training_pairs:
        yield from of(DISTURBANCE, _conclude_training(pair))
    pairs = (result.pair for section in report.sections for result in section.pairs)
    for one in {pair.name: pair for pair in pairs if pair.has_shared_training}.values():
        yield (
            DISTURBANCE,
            f"{one.first.label} and {one.second.label} are rankings of the same trained supernets, "
            "so their training is not compared.",
        )
    yield from of(CAVEATS, _say_caveats(report))


def compare_archs(report: Contents) -> list[str]:
    """Warn if estimators of one truth are judged on different architectures."""
    return describe_together([r for section in report.sections for r in section.evaluations])


def _say_caveats(report: Contents) -> Iterator[str]:
    yield from compare_archs(report)
    for section in report.sections:
        yield _say_truth(section.truth, section.space)
        yield _say_scores([result.estimator for result in section.evaluations])
        yield from _say_doubts(section)
        yield from say_ranked_last(section.evaluations)
        yield from say_populations(section.evaluations[0])
    yield from dict.fromkeys(_gather_notes(report))
    yield from _say_unfinished(report)


def _say_doubts(section: Section) -> Iterator[str]:
    yield from say_few(section.evaluations[0])
    for result in section.evaluations:
        yield from say_notes(result, section.floor)


def _list_estimators(section: Section) -> list[ScoreMatrix]:
    return [*(each.estimator for each in section.evaluations), section.floor.estimator]


def _say_unfinished(report: Contents) -> list[str]:
    if not report.unfinished:
        return []
    return [f"Left out, not finished: {', '.join(report.unfinished)}."]


def _gather_notes(report: Contents) -> Iterator[str]:
    """Yield the notes of all estimators and floors, and of what is combined to measure gains."""
    for section in report.sections:
        floor = section.floor.estimator
        for estimator in _list_estimators(section):
            yield from estimator.notes
            yield from tell_chosen((*floor.components, *estimator.components))


def say_ranking(evaluations: Sequence[Evaluated], floor: Evaluated | None) -> str:
    """Say how well estimators, or the best of many, rank on the same architectures.

    Beside them stand the floor, the space's unless another is given, and the ceiling.
    """
    first = evaluations[0]
    everything = first.populations["all"]
    best = ""
    if len(evaluations) > MOST_SAID:
        best = f"the best {MOST_SAID} of {len(evaluations)} are "
        evaluations = sorted(evaluations, key=order_by_tau)[:MOST_SAID]
    taus, overs = zip(*map(_say_tau, evaluations), strict=True)
    if len(set(overs)) > 1:
        taus = tuple(f"{tau}{over}" for tau, over in zip(taus, overs, strict=True))
        overs = ("",)
    besides = []
    beneath, reached = find_floor(first, floor)
    if reached is not None:
        besides.append(f"the floor, {beneath}, reaches {reached:.3f}")
    if everything.ceiling is not None:
        besides.append(f"the ceiling is {everything.ceiling.tau:.3f}")
    if len(evaluations) == 1 and (everything.share_of_ceiling or 0.0) > 0.0:
        besides[-1] += f", of which {everything.share_of_ceiling:.0%} is reached"
    beside = f"; {', '.join(besides)}" if besides else ""
    return (
        f"Kendall tau against {first.truth.title} ({_say_n(evaluations)}): "
        f"{best}{', '.join(taus)}{overs[0]}{beside}."
    )


def _say_n(evaluations: Sequence[Evaluated]) -> str:
    if not any(result.estimator.fitted_on for result in evaluations):
        return f"{evaluations[0].figures.n:,} architectures"
    if len(evaluations) == 1:
        return f"{write_range(evaluations[0].figures.n_per_seed)} architectures without a label"
    return f"{evaluations[0].figures.n:,} architectures, each seed without its labels"


def _say_tau(result: Evaluated) -> tuple[str, str]:
    """Say an estimator's tau, and what its interval is over."""
    tau = result.populations["all"].metrics["tau"]
    if tau.value is None:
        return f"{result.label} {write_status(tau)}", ""
    interval, n_seeds = find_interval(tau), result.figures.n_seeds
    seeds = f"{n_seeds} {result.estimator.seed_kind}{result.estimator.held}" if n_seeds > 1 else ""
    over = "" if interval is None else f"95% over {write_over(interval, result.estimator)}"
    basis = "; ".join(filter(None, (over, seeds)))
    text = f"{result.label} {tau.value:.3f}{write_ends(interval)}"
    return text, f" ({basis})" if basis else ""


def _say_gap(result: Evaluated) -> list[str]:
    """Say how large a true difference has to be to be seen."""
    if result.figures.n < MIN_ARCHS:
        return []
    gap, metric = result.figures.gap_curve.reliable_gap, result.truth.metric
    if gap is None:
        return [
            f"At no true gap that at least {MIN_PAIRS} pairs exceed are 90% of pairs in the right "
            "order."
        ]
    if metric.unit == PERCENT and gap > MOST_GAP:
        return [
            f"Even at true gaps of up to {MOST_GAP:.0f} {metric.difference}, fewer than 90% of "
            "pairs are in the right order."
        ]
    return [
        f"At every true gap above {write_gap(gap)} {metric.difference}, at least 90% of pairs are "
        "in the right order (by the best-fitting non-decreasing curve)."
    ]


def conclude_pair(result: PairResult) -> str:
    """Say what a difference of taus shows."""
    first, second = result.pair.first.label, result.pair.second.label
    tau = result.comparison.differences["all"]["tau"]
    but = f" But {'; '.join(result.pair.caveats)}." if result.pair.caveats else ""
    if tau.value is None:
        return f"{first} and {second} cannot be compared: {write_status(tau)}.{but}"
    interval = find_interval(tau)
    if interval is None:
        return (
            f"{result.pair.name}: tau {tau.value:+.3f} ({result.pair.claim}), without an interval: "
            f"all architectures were ranked, and there is one seed.{but}"
        )
    verdict = f"{first} and {second} do not differ significantly"
    if not interval.low <= 0 <= interval.high:
        verdict = f"{first} ranks {'better' if interval.low > 0 else 'worse'} than {second}"
    return (
        f"{verdict}: tau {tau.value:+.3f}{write_ends(interval, signed=True)}, {result.pair.name} "
        f"(95% over {write_over(interval, result.pair.first, result.pair.second)}; "
        f"{result.pair.claim}).{but}"
    )


def _conclude_training(result: TrainingPair) -> Iterator[str]:
    """Say which disturbs other paths less, at equal training loss if it can be compared there."""
    found = {(d.figure, d.condition): d.difference for d in result.differences}
    for condition, where in ((EQUAL_LOSS, EQUAL_LOSS), ("", "over the whole of training")):
        estimate = found["positive_pd", condition]
        if estimate.mean is None:
            continue
        figure = f"PD+ {where} {write_estimate(estimate, 4, signed=True)} nats, {result.pair.name}"
        if estimate.interval is None:
            yield f"{figure}: without an interval ({result.pair.claim})."
            return
        first, second = result.pair.first.label, result.pair.second.label
        low, high = estimate.interval
        verdict = f"{first} and {second} do not differ significantly in disturbing other paths"
        if not low <= 0 <= high:
            less = "less" if high < 0 else "more"
            verdict = f"{first} disturbs other paths {less} than {second}"
        yield f"{verdict}: {figure} (95%, {result.pair.claim})."
        return


def _say_truth(truth: TruthSource, space: Space) -> str:
    of = "" if space.name == DEFAULT else f" of space '{space.name}'"
    text = (
        f"Truth{of}: {truth.numbers}, table {truth.table} ({truth.sha256[:12]}), which covers "
        f"{truth.n_archs:,} architectures"
    )
    if truth.n_missing:
        text += (
            f"; {truth.n_missing:,} more have this split and training length, but not this "
            f"{truth.query.rule.kind}"
        )
    return " ".join((f"{text}.", *truth.notes))


def _say_scores(estimators: Sequence[ScoreMatrix]) -> str:
    """Say what the scores are, and which batch norm mode ranking used."""
    kinds = {e.label: e.score_kind for e in estimators}
    is_one_kind = len(set(kinds.values())) == 1
    told = list(kinds.values())[:1] if is_one_kind else list(map(": ".join, kinds.items()))
    text = f"Score (higher is better): {'; '.join(told)}."
    modes = sorted({f"'{e.bn_mode}'" for e in estimators if e.bn_mode})
    if modes:
        text += f" Batch norm when ranking: {', '.join(modes)}."
    if len(modes) > 1:
        text += " The mode differs between estimators, which alone changes tau."
    return text


def _say_seeds(estimator: ScoreMatrix) -> str:
    if len(estimator.seeds) == 1:
        seed = "" if estimator.seeds[0] is None else f" (seed {estimator.seeds[0]})"
        return f"One set of scores{seed}: figures are of these scores, not of a method over seeds."
    seeds = ", ".join(map(str, estimator.seeds))
    return f"Mean over {len(estimator.seeds)} {estimator.seed_kind}: {seeds}."
