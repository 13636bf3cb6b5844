"""Everything that is reported about one ranking, in one call.

The unit is a training seed; one seed describes one supernet (or proxy), several describe a method.
Axis letters: n architectures that have both a score and a truth, seed, trial of the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from harness.spaces import Space
from harness.stats.case import Case
from harness.stats.case_scores import CaseScores
from harness.stats.ceiling import Ceiling, Reference
from harness.stats.components import Components, decompose
from harness.stats.gaps import GapCurve, concordance_by_gap
from harness.stats.metrics import METRICS
from harness.stats.populations import Population
from harness.stats.samples import MetricResult, conclude
from harness.stats.truth_noise import Attenuation, attenuation


@dataclass(frozen=True, eq=False)
class PopulationResult:
    """One estimator on one population.

    Attributes:
        population: The population; its mask is over the architectures with both a score and a
            truth.
        metrics: Every metric of `METRICS`, by name.
        components: Where the uncertainty of tau comes from; None if tau has no value.
        reference: The one-seed reference on this population; None without enough trials.
        ceiling: The modelled ceiling on this population; None without enough trials.
        attenuation: Estimated tau against the true accuracies; None without a ceiling.
        share_of_ceiling: Tau divided by the ceiling; None if either is missing.
        baselines: Tau of each baseline on this population, by name.
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
        """Return everything except the mask, ready for JSON."""
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
        n: Number of architectures.
        n_per_seed: Of these, those that each seed was judged on: not the ones whose truth it was
            fitted to.
        populations: Results by population name, in table order.
        gap_curve: Concordance by true gap over all n, mean over seeds.
    """

    n: int
    n_per_seed: tuple[int, ...]
    populations: dict[str, PopulationResult]
    gap_curve: GapCurve

    @property
    def n_seeds(self) -> int:
        """Training seeds; 1 means that results describe these scores only, not their method."""
        return len(self.n_per_seed)

    def to_dict(self) -> dict[str, Any]:
        """Return everything except masks, ready for JSON."""
        return {
            "n": self.n,
            "n_per_seed": list(self.n_per_seed),
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
        trials: Trainings behind the truth, [n, trial], NaN where a trial is missing; None
            to skip the ceiling, the reference and the truth's noise.
        truth: Ground truth, higher is better, [n]: the mean of the trials unless `n_behind` is
            given.
        baselines: Scores to show for comparison, [n] each, such as parameters, FLOPs and random
            numbers.
        populations: Keys of `populations_of`; all of the space by default.
        n_behind: Number of trainings averaged in each truth, [n], if not all of them.
        seed: Seed of everything that is drawn: ceilings and truth noise.
        space: The space that the keys belong to; NAS-Bench-201 by default.

    Returns:
        The evaluation.

    Raises:
        UsageError: If a shape does not fit, a value is not finite, an index is out of range or
            repeated, a name is unknown, or the truth is not the mean of the trials.
    """
    case = Case(keys, trials, truth, n_behind, seed, space)
    besides = {
        name: CaseScores(case, values, what=f"the baseline '{name}'")
        for name, values in (baselines or {}).items()
    }
    return evaluate_case(CaseScores(case, scores), baselines=besides, populations=populations)


def evaluate_case(
    scores: CaseScores,
    *,
    baselines: Mapping[str, CaseScores] | None = None,
    populations: Sequence[str] | None = None,
    tick: Callable[[], object] = int,
) -> Evaluation:
    """Evaluate an estimator's scores, as `evaluate_scores` does.

    Args:
        scores: The scores, on their case. The ceiling and the reference use all its architectures.
        baselines: As in `evaluate_scores`, on the same case, evaluated on the same.
        populations: As in `evaluate_scores`.
        tick: Called after each population.

    Returns:
        The evaluation.

    Raises:
        UsageError: If a population is unknown.
    """
    case, results = scores.case, {}
    for name in case.names(populations):
        results[name] = _evaluate_on(name, scores, baselines or {})
        tick()
    curve = concordance_by_gap(scores.rows, case.truth, scores.judged)
    return Evaluation(len(case.truth), scores.n_per_seed, results, curve)


def _evaluate_on(
    name: str, scores: CaseScores, baselines: Mapping[str, CaseScores]
) -> PopulationResult:
    part = scores.case.on(name)
    samples = {metric: scores.sample(metric, name) for metric in METRICS}
    metrics = {metric: conclude(sample) for metric, sample in samples.items()}
    tau, ceiling = metrics["tau"].value, part.ceiling
    reached = share = components = None
    if tau is not None:
        components = decompose(samples["tau"], scores.truth_se(name))
    if tau is not None and ceiling is not None and ceiling.tau > 0.0:
        reached, share = attenuation(tau, ceiling.tau), tau / ceiling.tau
    return PopulationResult(
        population=part.population,
        metrics=metrics,
        components=components,
        reference=part.reference,
        ceiling=ceiling,
        attenuation=reached,
        share_of_ceiling=share,
        baselines={
            beside: conclude(values.sample("tau", name)) for beside, values in baselines.items()
        },
    )
