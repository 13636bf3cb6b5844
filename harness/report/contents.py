"""The contents of a report: rankings by each truth, and the training of runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from harness.evaluation import JointEvaluation, Pair
from harness.evaluation.trade_off import TradeOff
from harness.report.disturbance import Bin, SharedBin, TrainingDifference
from harness.report.sample_efficiency import find_curves
from harness.report.seed_means import SeedMean
from harness.report.training import RunTraining, TauPoint
from harness.seeding import draw_places
from harness.stats.correlation import IntArray

MOST_DRAWN = 20_000
"""A scatter of more points is slow to draw, and no clearer."""


@dataclass(frozen=True, eq=False)
class Section(JointEvaluation):
    """Estimators judged by one truth, on the architectures that all of them scored.

    Attributes:
        taus: Small rankings during training, by label of the estimators of runs, a list for each
            seed.
        trade_off: Between the truth and a second objective; None unless asked for.
    """

    taus: dict[str, tuple[list[TauPoint], ...]] = field(default_factory=dict)
    trade_off: TradeOff | None = None

    @property
    def drawn(self) -> IntArray:
        """Places of the architectures that scatters show: all, or `MOST_DRAWN` of them."""
        return draw_places(len(self.keys), MOST_DRAWN, "scatter")


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """The training of one estimator, over its seeds.

    Attributes:
        label: The estimator's label.
        runs: Its runs, seeds ascending.
        figures: By name, as in `FIGURES`.
        over_steps: Disturbance over training.
        by_shared: Disturbance by number of shared convolutions.
    """

    label: str
    runs: tuple[RunTraining, ...]
    figures: dict[str, SeedMean]
    over_steps: tuple[Bin, ...]
    by_shared: tuple[SharedBin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "label": self.label,
            "run_ids": [run.record.run_id for run in self.runs],
            "figures": {name: vars(estimate) for name, estimate in self.figures.items()},
            "over_steps": list(map(asdict, self.over_steps)),
            "by_shared_convs": list(map(asdict, self.by_shared)),
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
        return {**self.pair.to_dict(), "differences": list(map(asdict, self.differences))}


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
    def places(self) -> dict[str, int]:
        """The place of each series, which decides its colour: estimators, floors, then others."""
        floors = [section.floor.label for section in self.sections]
        found = [curve for each in self.sections for curve in find_curves(each.evaluations)]
        offs = [section.trade_off for section in self.sections if section.trade_off is not None]
        traded = [each.label for off in offs for each in off.picks]
        labels = dict.fromkeys((*self.labels, *floors, *(curve.label for curve in found), *traded))
        return {label: n for n, label in enumerate(labels)}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all estimators, each once."""
        evaluations = (result for section in self.sections for result in section.evaluations)
        return tuple(dict.fromkeys(result.label for result in evaluations))
