"""The report: estimators side by side on the same architectures, by one truth or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.estimators.combined import find_estimator, is_known, select_estimators
from harness.estimators.matrix import Loaded, ScoreMatrix
from harness.evaluation import (
    ChosenTruth,
    JointEvaluation,
    Pair,
    TruthChoice,
    choose_truths,
    evaluate_together,
    group_by_archs,
)
from harness.evaluation.known import find_values
from harness.evaluation.trade_off import measure_trade_off
from harness.monitor import Watch, watch_nothing
from harness.report.answer import answer_report
from harness.report.contents import Contents, Section, TrainingPair, TrainingResult
from harness.report.disturbance import bin_over_steps, compare_training, split_by_shared
from harness.report.markup import to_html
from harness.report.measures import estimate_figures
from harness.report.rendering import report_document, report_to_dict
from harness.report.training import RunTraining, is_trained, load_training, tau_over_training
from harness.report.words import describe_report


@dataclass(frozen=True, eq=False)
class Report(Contents):
    """Everything known about some estimators; prints as sentences, and shows as HTML."""

    @cached_property
    def answer(self) -> tuple[str, ...]:
        """For each truth: what ranks best, what the floor reaches, and what it cost."""
        return answer_report(self)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The report in sentences."""
        return describe_report(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything except scores, ready for JSON."""
        return report_to_dict(self)

    def __str__(self) -> str:
        """Return the sentences, one line each."""
        return "\n".join(self.words)

    def _repr_html_(self) -> str:
        return to_html(report_document(self))


def make_report(
    loaded: Loaded,
    truths: Sequence[TruthChoice] = (),
    *,
    baseline: str | None = None,
    data_dir: Path | None = None,
    watch: Watch = watch_nothing,
    estimators: Sequence[str] = (),
    floor: str | None = None,
    trade_off: str | None = None,
    trade_off_score: str | None = None,
) -> Report:
    """Make the report of some estimators, such as `harness.load_estimators` finds them.

    Args:
        loaded: The estimators, and what was left out.
        truths: Truths to judge them by, each in its own section; by default that of each image
            data set that runs were trained on.
        baseline: Label of the estimator to compare all others with, a free baseline of the space
            such as `live_params`, or a combination of these; by default as `choose_pairs` has it.
        data_dir: Folder of the truth, for data sets that need it.
        watch: Told of the progress of the evaluation.
        estimators: Which to show: labels, free baselines, "floor" for the space's, combinations
            such as "live_params+jacov", and "all" for those that were loaded, which is the
            default. With several truths, a section leaves out names that only others know.
        floor: What added values are measured against, named likewise; by default the space's.
        trade_off: A second objective, known of all architectures: a metric of a truth table, such
            as "latency:raspi4", or a free score, such as "params".
        trade_off_score: What estimates it, where picks are not to know its values: named as
            `estimators` are.

    Returns:
        The report.

    Raises:
        UsageError: If there is no estimator, the truth is not determined, or a name is unknown.
        TruthError: If a truth is missing, or the estimators have no architecture in common.
        StoreError: If a run is damaged.
    """
    if not loaded.estimators:
        raise UsageError("No estimator was given. Name run folders or score files.")
    if trade_off is None and trade_off_score is not None:
        raise UsageError(
            f"--trade-off-score {trade_off_score} was given without the second objective that it "
            "estimates. Name that with --trade-off, such as latency:raspi4."
        )
    groups = choose_truths(loaded.estimators, truths, data_dir)
    runs: dict[str, tuple[RunTraining, ...]] = {}
    sections: list[Section] = []

    def watch_section(done: int, total: int) -> None:
        watch(len(sections) * total + done, len(groups) * total)  # much the same for each truth

    for chosen, known in groups:
        here = [
            name
            for name in estimators
            if is_known(name, known) or not any(is_known(name, other) for _, other in groups)
        ]
        with _explain_parting(chosen, known, loaded):
            shown = select_estimators(here or estimators, known)
            evaluated = evaluate_together(shown, chosen, baseline, watch_section, floor, known)
        runs |= {e.label: load_training(e) for e in shown if is_trained(e) and e.label not in runs}
        section = _add_training(evaluated, chosen, runs)
        if trade_off is not None:
            values = find_values(trade_off, chosen, data_dir)
            second = trade_off_score and find_estimator(trade_off_score, known)
            found = measure_trade_off(section, chosen, values, second or None)
            section = replace(section, trade_off=found)
        sections.append(section)
    return Report(
        sections=tuple(sections),
        trainings=tuple(_summarise(label, own) for label, own in runs.items()),
        training_pairs=tuple(_compare_trainings(sections, runs)),
        unfinished=loaded.unfinished,
    )


def report_apart(
    estimators: Sequence[ScoreMatrix],
    truths: Sequence[ChosenTruth],
    watch: Watch = watch_nothing,
) -> Report:
    """Make the report of estimators that are each judged on all of their own architectures.

    Args:
        estimators: At least one.
        truths: At least one.
        watch: Told of the progress of the evaluation.

    Returns:
        The report, without training: a section for each truth and all that have scored the same
        of its architectures.

    Raises:
        TruthError: If an estimator has scored none of the architectures of a truth.
    """
    groups = [(group, one) for one in truths for group in group_by_archs(estimators, one)]
    sections: list[Section] = []

    def watch_section(done: int, total: int) -> None:
        watch(len(sections) * total + done, len(groups) * total)

    for group, chosen in groups:
        evaluated = evaluate_together(group, chosen, watch=watch_section)
        sections.append(Section(**vars(evaluated)))
    return Report(tuple(sections), trainings=(), training_pairs=(), unfinished=())


@contextmanager
def _explain_parting(
    chosen: ChosenTruth, known: Sequence[ScoreMatrix], loaded: Loaded
) -> Iterator[None]:
    """Say of a wrong name that only the estimators of one truth were looked at, if that is so."""
    try:
        yield
    except UsageError as error:
        if len(known) == len(loaded.estimators):
            raise
        raise UsageError(
            f"{error} Runs of several image data sets have a section each, and every name is "
            f"looked for in each, here in that against {chosen.query}. Report on the runs of one "
            "data set at a time, or judge all by one truth with --truth-dataset."
        ) from error


def _add_training(
    evaluated: JointEvaluation,
    chosen: ChosenTruth,
    trainings: Mapping[str, Sequence[RunTraining]],
) -> Section:
    truth = dict(zip(chosen.truth.keys.tolist(), chosen.goodness.tolist(), strict=True))
    taus = {
        result.label: tuple(tau_over_training(run, truth) for run in trainings[result.label])
        for result in evaluated.evaluations
        if result.label in trainings
    }
    return Section(**vars(evaluated), taus=taus)


def _summarise(label: str, runs: tuple[RunTraining, ...]) -> TrainingResult:
    bins, split = tuple(bin_over_steps(runs)), tuple(split_by_shared(runs))
    return TrainingResult(label, runs, estimate_figures(runs), bins, split)


def _compare_trainings(
    sections: Sequence[Section], trainings: Mapping[str, Sequence[RunTraining]]
) -> Iterable[TrainingPair]:
    """Compare each pair of trainings once, however many rankings and truths; none with itself."""
    pairs: dict[tuple[tuple[str, ...], tuple[str, ...]], Pair] = {}
    for pair in (result.pair for section in sections for result in section.pairs):
        pairs.setdefault((pair.first.trainings, pair.second.trainings), pair)
    for pair in pairs.values():
        both = trainings.get(pair.first.label), trainings.get(pair.second.label)
        if both[0] is not None and both[1] is not None and not pair.has_shared_training:
            first = [both[0][place] for place in pair.rows.first]
            second = [both[1][place] for place in pair.rows.second]
            differences = compare_training(first, second, is_paired=pair.rows.is_paired)
            yield TrainingPair(pair, tuple(differences))
