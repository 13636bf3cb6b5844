"""The result of an evaluation: estimators judged by one truth, and compared with baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.estimators.matrix import FloatArray, IntArray, ScoreMatrix
from harness.evaluation.leaks import LeakFree
from harness.evaluation.pairs import Pair
from harness.scores import on_one_line
from harness.spaces import DEFAULT, Space
from harness.stats import AddedValue, Comparison, Evaluation, MetricResult, PopulationResult
from harness.truth import TruthQuery
from harness.truth.metric import ACCURACY, TruthMetric


@dataclass(frozen=True)
class TruthSource:
    """What scores are judged by.

    Attributes:
        query: Which numbers of the table.
        table: The table's name.
        sha256: Its content hash.
        n_archs: Architectures that have this truth.
        n_missing: Architectures with other trainings of that split and length, but not the trial
            or the seed that was asked for.
        metric: What is measured.
        space: The space of its architectures.
        is_recorded: Whether it is the table that the runs were ranked against; True for scores
            that are not of runs.
        notes: What was decided in reading it that may surprise, in sentences.
    """

    query: TruthQuery
    table: str
    sha256: str
    n_archs: int
    n_missing: int
    metric: TruthMetric = ACCURACY
    space: str = DEFAULT
    is_recorded: bool = True
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The truth, in words, with the space if it is not the usual one."""
        return self.numbers if self.space == DEFAULT else f"{self.space} {self.numbers}"

    @property
    def numbers(self) -> str:
        """Which numbers of the space's truth they are, in words."""
        metric = self.metric
        unit = "" if metric == ACCURACY else f" ({metric.unit or 'no unit'}"
        direction = ", lower is better" if metric.is_lower_better else ""
        return on_one_line(f"{self.query}{unit}{direction}{')' if unit else ''}")

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return dict(vars(self)) | {
            "query": dict(vars(self.query)),
            "metric": self.metric._asdict(),
        }


@dataclass(frozen=True, eq=False)
class Evaluated:
    """How well one estimator ranks, on every population and by every metric.

    Attributes:
        estimator: The estimator.
        truth: What they are judged by.
        n_scored: Architectures with a score of any seed.
        n_incomplete: Of these, left out because a seed lacks a score.
        n_other_names: Of the rest, left out because they name a network of another's.
        n_without_truth: Of the rest, left out because they have no truth.
        n_uncommon: Of the rest, left out because another estimator of the report lacks a score.
        keys: The architectures that are left, ascending, [n].
        figures: The figures on these.
        leak_free: Tau without the twins of labels; None for estimators that were fitted to none.
    """

    estimator: ScoreMatrix
    truth: TruthSource
    n_scored: int
    n_incomplete: int
    n_other_names: int
    n_without_truth: int
    n_uncommon: int
    keys: IntArray
    figures: Evaluation
    leak_free: LeakFree | None = None

    @property
    def label(self) -> str:
        """The estimator's label."""
        return self.estimator.label

    @property
    def tau(self) -> float | None:
        """Kendall's tau-b over all architectures, mean over seeds; None if undefined or too few."""
        return self.populations["all"].metrics["tau"].value

    @property
    def populations(self) -> dict[str, PopulationResult]:
        """The figures by population, such as "all", "top_50" and "top_10"."""
        return self.figures.populations

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the scores, ready for JSON."""
        estimator = self.estimator
        return {
            "label": estimator.label,
            "method": estimator.method,
            "source": estimator.source,
            "paths": [str(path) for path in estimator.paths],
            "seeds": list(estimator.seeds),
            "score_kind": estimator.score_kind,
            "dataset": estimator.dataset,
            "bn_mode": estimator.bn_mode,
            "settings_sha256": estimator.settings_sha256,
            "ranked_against_sha256": estimator.truth_sha256,
            "truth": self.truth.to_dict(),
            "n_scored": self.n_scored,
            "n_incomplete": self.n_incomplete,
            "n_other_names": self.n_other_names,
            "n_without_truth": self.n_without_truth,
            "n_uncommon": self.n_uncommon,
            "excluded": dict(estimator.exclusions),
            "n_ranked_last": len(estimator.ranked_last),
            "arch_s": estimator.arch_s,
            "notes": list(estimator.notes),
            "leak_free": self.leak_free and self.leak_free.to_dict(),
            **self.figures.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class PairResult:
    """The difference of two rankings.

    Attributes:
        pair: The estimators, the seeds, and what the difference applies to.
        comparison: The difference, on every population.
    """

    pair: Pair
    comparison: Comparison

    def to_dict(self) -> dict[str, Any]:
        """Return everything but scores, ready for JSON."""
        return {**self.pair.to_dict(), **self.comparison.to_dict()}


@dataclass(frozen=True, eq=False)
class Margin:
    """How far the estimator of the largest tau is ahead of another.

    Attributes:
        pair: The estimator of the largest tau, the other, and what the difference applies to.
        tau: The difference of taus over all architectures.
    """

    pair: Pair
    tau: MetricResult

    @property
    def is_lead(self) -> bool:
        """Whether the 95% interval of the difference is above 0; False where there is none.

        It may lie below 0: the largest tau is over all seeds, the difference over common ones.
        """
        found = self.tau.interval or self.tau.over_seeds
        return found is not None and found.low > 0

    def to_dict(self) -> dict[str, Any]:
        """Return everything but scores, ready for JSON."""
        return {**self.pair.to_dict(), "tau": self.tau.to_dict()}


@dataclass(frozen=True, eq=False)
class JointEvaluation:
    """Estimators judged by one truth, on the architectures that all of them scored.

    Attributes:
        truth: What they are judged by.
        keys: The architectures, ascending, [n].
        value: Their truth, in the metric's unit (percent, of accuracy), [n].
        evaluations: One for each estimator.
        pairs: Every estimator with its baseline.
        floor: What added values are measured against, on the same architectures; over all of them
            only, unless it is among the estimators.
        added: What each estimator adds to the floor, by label; not of what is within the floor.
        margins: The estimator of the largest tau, perhaps the floor, with each of the others that
            has a tau, the largest first.
    """

    truth: TruthSource
    keys: IntArray
    value: FloatArray
    evaluations: tuple[Evaluated, ...]
    pairs: tuple[PairResult, ...]
    floor: Evaluated
    added: Mapping[str, AddedValue]
    margins: tuple[Margin, ...]

    @property
    def space(self) -> Space:
        """The space of the architectures."""
        return self.evaluations[0].estimator.space
