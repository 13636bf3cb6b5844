"""The report: estimators side by side on the same architectures, against one truth or several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import TruthError, UsageError
from harness.estimators.estimator import Estimator, FloatArray, IntArray, Loaded, common_archs
from harness.evaluation import ChosenTruth, EvaluationResult, TruthSource, evaluate_estimator
from harness.report.disturbance import (
    Bin,
    SharedBin,
    TrainingDifference,
    bin_over_steps,
    compare_training,
    split_by_shared,
)
from harness.report.estimates import Estimate
from harness.report.measures import estimate_figures
from harness.report.pairs import Pair, choose_pairs
from harness.report.training import (
    TauPoint,
    Training,
    load_training,
    tau_over_training,
)
from harness.report.truths import TruthChoice, choose_truths
from harness.scores import on_one_line
from harness.stats import Comparison, compare_scores
from harness.truth.query import MEAN


@dataclass(frozen=True, eq=False)
class PairResult:
    """The difference of two rankings.

    Attributes:
        pair: Who, on which seeds, and what it speaks of.
        comparison: The difference, on every population.
    """

    pair: Pair
    comparison: Comparison

    def to_dict(self) -> dict[str, Any]:
        """Return everything but scores, ready for JSON."""
        return {
            **self.pair.to_dict(),
            **self.comparison.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class Section:
    """Estimators held against one truth, on the architectures that all of them scored.

    Attributes:
        truth: What they are held to.
        nb201_index: The architectures, ascending, [n].
        accuracy: Their truth, percent, [n].
        evaluations: One an estimator.
        pairs: Every estimator with its baseline.
        taus: By label of the estimators of runs: the small rankings on the way, one list a seed.
    """

    truth: TruthSource
    nb201_index: IntArray
    accuracy: FloatArray
    evaluations: tuple[EvaluationResult, ...]
    pairs: tuple[PairResult, ...]
    taus: dict[str, tuple[list[TauPoint], ...]]

    @property
    def title(self) -> str:
        """The truth, in words."""
        return on_one_line(str(self.truth.query))

    def to_dict(self) -> dict[str, Any]:
        """Return everything but scores, ready for JSON."""
        return {
            "truth": self.truth.to_dict(),
            "n": len(self.nb201_index),
            "evaluations": [result.to_dict() for result in self.evaluations],
            "pairs": [pair.to_dict() for pair in self.pairs],
            "tau_over_training": {label: list(taus) for label, taus in self.taus.items()},
        }


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What the training of one estimator shows, over its seeds.

    Attributes:
        training: The runs.
        figures: By name, as in `FIGURES`.
        over_steps: Disturbance over training.
        by_shared: Disturbance by number of shared convolutions.
    """

    training: Training
    figures: dict[str, Estimate]
    over_steps: tuple[Bin, ...]
    by_shared: tuple[SharedBin, ...]

    @property
    def label(self) -> str:
        """The estimator's label."""
        return self.training.label

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "label": self.label,
            "run_ids": [run.record.run_id for run in self.training.runs],
            "figures": {name: vars(estimate) for name, estimate in self.figures.items()},
            "over_steps": [_plain(part) for part in self.over_steps],
            "by_shared_convs": [_plain(part) for part in self.by_shared],
        }


@dataclass(frozen=True, eq=False)
class TrainingPair:
    """The difference of two trainings.

    Attributes:
        pair: Who, and on which seeds.
        differences: Over the whole of training, at equal loss, and by shared weights.
    """

    pair: Pair
    differences: tuple[TrainingDifference, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            **self.pair.to_dict(),
            "differences": [_plain(difference) for difference in self.differences],
        }


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that is known of some estimators.

    Attributes:
        sections: One a truth.
        trainings: One an estimator of runs.
        training_pairs: Every estimator of runs with its baseline.
        unfinished: Runs that were left out, with their status.
    """

    sections: tuple[Section, ...]
    trainings: tuple[TrainingResult, ...]
    training_pairs: tuple[TrainingPair, ...]
    unfinished: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all estimators, each once: renderers colour them by their place here."""
        evaluations = (result for section in self.sections for result in section.evaluations)
        return tuple(dict.fromkeys(result.estimator.label for result in evaluations))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The report in sentences."""
        from harness.report.sentences import describe_report

        return tuple(map(on_one_line, describe_report(self)))

    def to_dict(self) -> dict[str, Any]:
        """Return everything but scores, ready for JSON."""
        return {
            "words": list(self.words),
            "sections": [section.to_dict() for section in self.sections],
            "trainings": [training.to_dict() for training in self.trainings],
            "training_pairs": [pair.to_dict() for pair in self.training_pairs],
            "unfinished": list(self.unfinished),
        }

    def __str__(self) -> str:
        """Return the sentences, a line each."""
        return "\n".join(self.words)

    def _repr_html_(self) -> str:
        from harness.report.render import to_html

        return to_html(self)


def make_report(
    loaded: Loaded,
    truths: Sequence[TruthChoice] = (),
    *,
    baseline: str | None = None,
    data_dir: Path | None = None,
) -> Report:
    """Make the report of some estimators, such as `harness.load_estimators` finds them.

    Args:
        loaded: The estimators, and what was left out.
        truths: Truths to hold them against, each in a section of its own; none for that of each
            image data set that runs were trained on.
        baseline: Label of the estimator that all others are compared with, or `params`, `flops` or
            `random`; by default runs with those of the baseline strategy and equal settings, others
            with the first.
        data_dir: Where the truth lies, for data sets that need it.

    Returns:
        The report.

    Raises:
        UsageError: If there is no estimator, the truth cannot be told, or a name is unknown.
        TruthError: If a truth is not there, or the estimators have no architecture in common.
        StoreError: If a run is damaged.
    """
    if not loaded.estimators:
        raise UsageError("No estimator was given. Name run folders or score files.")
    groups = choose_truths(loaded.estimators, truths, data_dir)
    runs = {e.label: load_training(e) for e in loaded.estimators if e.records}
    sections = [_make_section(chosen, group, runs, baseline) for chosen, group in groups]
    return Report(
        sections=tuple(sections),
        trainings=tuple(map(_summarise, runs.values())),
        training_pairs=tuple(_compare_trainings(sections, runs)),
        unfinished=loaded.unfinished,
    )


def _make_section(
    chosen: ChosenTruth,
    estimators: Sequence[Estimator],
    trainings: dict[str, Training],
    baseline: str | None,
) -> Section:
    archs = np.intersect1d(common_archs(estimators), chosen.truth.nb201_index)
    if len(archs) == 0:
        each = "; ".join(f"'{e.label}' {len(e.complete_archs):,}" for e in estimators)
        raise TruthError(
            f"No architecture has a score of all estimators and a truth ({chosen.query}, "
            f"{len(chosen.truth.nb201_index):,} architectures). Scored: {each}. Leave out the one "
            "that shares none, or score architectures that the others have scored."
        )
    evaluations = tuple(evaluate_estimator(estimator, chosen, archs) for estimator in estimators)
    known = np.isin(chosen.truth.nb201_index, archs)
    truth = chosen.truth.by_index()
    return Section(
        truth=evaluations[0].truth,
        nb201_index=archs,
        accuracy=chosen.truth.accuracy[known],
        evaluations=evaluations,
        pairs=tuple(
            PairResult(pair, _compare(pair, chosen, archs))
            for pair in choose_pairs(estimators, baseline)
        ),
        taus={
            e.label: tuple(tau_over_training(run, truth) for run in trainings[e.label].runs)
            for e in estimators
            if e.label in trainings
        },
    )


def _compare(pair: Pair, chosen: ChosenTruth, archs: IntArray) -> Comparison:
    known = np.isin(chosen.truth.nb201_index, archs)
    return compare_scores(
        archs,
        pair.first.scores_of(archs)[list(pair.rows[0])],
        pair.second.scores_of(archs)[list(pair.rows[1])],
        chosen.trials.accuracy[known],
        chosen.truth.accuracy[known],
        names=(pair.first.label, pair.second.label),
        n_behind=None if chosen.query.rule.kind == MEAN else chosen.truth.n_trials[known],
    )


def _summarise(training: Training) -> TrainingResult:
    return TrainingResult(
        training,
        estimate_figures(training),
        tuple(bin_over_steps(training)),
        tuple(split_by_shared(training)),
    )


def _compare_trainings(
    sections: Sequence[Section], trainings: dict[str, Training]
) -> Iterable[TrainingPair]:
    """Compare each pair of runs once, however many truths there are."""
    pairs = {result.pair.name: result.pair for section in sections for result in section.pairs}
    for pair in pairs.values():
        first, second = trainings.get(pair.first.label), trainings.get(pair.second.label)
        if first is not None and second is not None:
            runs = [(first.runs[i], second.runs[j]) for i, j in zip(*pair.rows, strict=True)]
            yield TrainingPair(pair, tuple(compare_training(runs)))


def _plain(value: Any) -> Any:
    """Return a named tuple as a dictionary, estimates in it too."""
    return {
        name: dict(vars(part)) if isinstance(part, Estimate) else part
        for name, part in value._asdict().items()
    }
