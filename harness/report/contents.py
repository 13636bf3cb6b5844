"""The contents of a report: rankings by each truth, and the training of runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.evaluation import JointEvaluation, Pair
from harness.report.disturbance import Bin, SharedBin, TrainingDifference
from harness.report.seed_means import SeedMean
from harness.report.training import TauPoint, Training


@dataclass(frozen=True, eq=False)
class Section(JointEvaluation):
    """Estimators judged by one truth, on the architectures that all of them scored.

    Attributes:
        taus: Small rankings during training, by label of the estimators of runs, a list for each
            seed.
    """

    taus: dict[str, tuple[list[TauPoint], ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """The training of one estimator, over its seeds.

    Attributes:
        training: The runs.
        figures: By name, as in `FIGURES`.
        over_steps: Disturbance over training.
        by_shared: Disturbance by number of shared convolutions.
    """

    training: Training
    figures: dict[str, SeedMean]
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
        pair: The estimators and the seeds.
        differences: Over all of training, at equal loss, and by shared weights.
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
class Contents:
    """Everything known about some estimators.

    Attributes:
        sections: One for each truth.
        trainings: One for each estimator of runs.
        training_pairs: Every estimator of runs, compared with its baseline.
        unfinished: Runs that were left out, with their status.
    """

    sections: tuple[Section, ...]
    trainings: tuple[TrainingResult, ...]
    training_pairs: tuple[TrainingPair, ...]
    unfinished: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all estimators, each once; their position decides their colour."""
        evaluations = (result for section in self.sections for result in section.evaluations)
        return tuple(dict.fromkeys(result.label for result in evaluations))


def _plain(value: Any) -> Any:
    """Return a named tuple as a dictionary, including the means in it."""
    return {
        name: dict(vars(part)) if isinstance(part, SeedMean) else part
        for name, part in value._asdict().items()
    }
