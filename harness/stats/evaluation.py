"""Everything that is said of one ranking, in one call.

The unit is a training seed; one seed speaks of that one supernet (or proxy), several of a method.
Axis letters: n architectures that have both a score and a truth, seed, trial of the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from harness.spaces import Space
from harness.stats.case import Case
from harness.stats.ceiling import Ceiling, Reference
from harness.stats.components import Components, decompose
from harness.stats.correlation import FloatArray
from harness.stats.gaps import GapCurve, concordance_by_gap
from harness.stats.metrics import METRICS
from harness.stats.populations import Population
from harness.stats.samples import MetricResult, conclude
from harness.stats.truth_noise import Attenuation, attenuation


@dataclass(frozen=True, eq=False)
class PopulationResult:
    """One estimator on one population.

    Attributes:
        population: Which; its mask is over the architectures at hand.
        metrics: Every metric of `METRICS`, by name.
        components: Where the uncertainty of tau comes from; None where tau has no value.
        reference: The one-seed reference on it; None without enough trials.
        ceiling: The modelled ceiling on it; None without enough trials.
        attenuation: Tau against the true accuracies; None without a ceiling.
        share_of_ceiling: Tau over the ceiling; None without either.
        baselines: Tau of each baseline on it, by name.
    """

    population: Population
    metrics: dict[str, MetricResult]
    components: Components | None
    reference: Reference | None
    ceiling: Ceiling | None
    attenuation: Attenuation | None
    share_of_ceiling: float | None
    baselines: dict[str, MetricResult]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the mask, ready for JSON."""
        return {
            "description": self.population.description,
            "n": self.population.n,
            "drawn_from": self.population.size,
            "unrepresented": list(self.population.unrepresented),
            "note": self.population.note,
            "metrics": {name: result.to_dict() for name, result in self.metrics.items()},
            "components": self.components and self.components.to_dict(),
            "reference": self.reference and self.reference._asdict(),
            "ceiling": self.ceiling and self.ceiling._asdict(),
            "attenuation": self.attenuation and self.attenuation._asdict(),
            "share_of_ceiling": self.share_of_ceiling,
            "baselines": {name: result.to_dict() for name, result in self.baselines.items()},
        }


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One estimator on every population.

    Attributes:
        n: Architectures.
        n_seeds: Training seeds; 1 means that only these scores are spoken of, not their method.
        populations: Results by name of population, in the order of a table.
        gap_curve: Concordance by true gap over all n, mean over seeds.
    """

    n: int
    n_seeds: int
    populations: dict[str, PopulationResult]
    gap_curve: GapCurve

    def to_dict(self) -> dict[str, Any]:
        """Return everything but masks, ready for JSON."""
        return {
            "n": self.n,
            "n_seeds": self.n_seeds,
            "populations": {name: part.to_dict() for name, part in self.populations.items()},
            "gap_curve": self.gap_curve.to_dict(),
        }


def evaluate_scores(
    keys: npt.ArrayLike,
    scores: npt.ArrayLike,
    trials: npt.ArrayLike | None,
    truth: npt.ArrayLike,
    *,
    baselines: Mapping[str, npt.ArrayLike] | None = None,
    populations: Sequence[str] | None = None,
    n_behind: npt.ArrayLike | None = None,
    seed: int = 0,
    space: Space | None = None,
) -> Evaluation:
    """Evaluate an estimator's scores: all metrics on all populations, with their intervals.

    Args:
        keys: Each architecture's key, no two equal, [n].
        scores: Estimates, higher is better, finite numbers, [n] or [seed, n].
        trials: Trainings behind the truth, percent, [n, trial], NaN where there is none; None
            for no ceiling, reference or truth noise.
        truth: Ground truth, percent, [n]: the mean of the trials unless `n_behind` is given.
        baselines: Scores to show beside, [n] each, such as parameters, FLOPs and random numbers.
        populations: Keys of `populations_of`; all of the space unless given.
        n_behind: Trainings behind each truth where it is not the mean of all, [n].
        seed: Seed of all that is drawn: ceilings and truth noise.
        space: The space that the keys are of; NAS-Bench-201 unless given.

    Returns:
        The evaluation.

    Raises:
        UsageError: If a shape does not fit, a value is not finite, an index is out of range or
            repeated, a name is unknown, or the truth is not the mean of the trials.
    """
    case = Case(keys, trials, truth, n_behind, seed, space)
    rows = case.check_scores(scores, "the scores")
    besides = {
        name: case.check_scores(values, f"the baseline '{name}'")
        for name, values in (baselines or {}).items()
    }
    parts = {name: case.select(name) for name in case.names(populations)}
    results = {name: _evaluate_on(case, part, rows, besides) for name, part in parts.items()}
    return Evaluation(len(case.truth), len(rows), results, concordance_by_gap(rows, case.truth))


def _evaluate_on(
    case: Case, part: Population, rows: FloatArray, besides: Mapping[str, FloatArray]
) -> PopulationResult:
    samples = {name: case.sample(name, rows, part) for name in METRICS}
    metrics = {name: conclude(sample) for name, sample in samples.items()}
    tau, ceiling = metrics["tau"].value, case.ceiling(part)
    reached = share = None
    if tau is not None and ceiling is not None and ceiling.tau > 0.0:
        reached, share = attenuation(tau, ceiling.tau), tau / ceiling.tau
    return PopulationResult(
        population=part,
        metrics=metrics,
        components=None if tau is None else decompose(samples["tau"], case.truth_se(part, rows)),
        reference=case.reference(part),
        ceiling=ceiling,
        attenuation=reached,
        share_of_ceiling=share,
        baselines={
            name: conclude(case.sample("tau", values, part)) for name, values in besides.items()
        },
    )
