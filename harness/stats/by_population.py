"""Everything that is reported about one ranking, in one call.

The unit is a training seed; one seed describes one supernet (or proxy), several describe a method.
Axis letters: n architectures that have both a score and a truth, seed, trial of the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.spaces import Space
from harness.stats.case import Case
from harness.stats.ceiling import Ceiling, Reference
from harness.stats.components import Components, decompose
from harness.stats.correlation import FloatArray
from harness.stats.gaps import GapCurve, concordance_by_gap
from harness.stats.metrics import METRICS
from harness.stats.own_archs import sample_seeds, truth_se_of_seeds
from harness.stats.populations import BoolArray, Population
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
        n_seeds: Training seeds; 1 means that results describe these scores only, not their method.
        populations: Results by population name, in table order.
        gap_curve: Concordance by true gap over all n, mean over seeds.
    """

    n: int
    n_seeds: int
    populations: dict[str, PopulationResult]
    gap_curve: GapCurve

    def to_dict(self) -> dict[str, Any]:
        """Return everything except masks, ready for JSON."""
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
        trials: Trainings behind the truth, percent, [n, trial], NaN where a trial is missing; None
            to skip the ceiling, the reference and the truth's noise.
        truth: Ground truth, percent, [n]: the mean of the trials unless `n_behind` is given.
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
    return evaluate_case(case, scores, baselines=baselines, populations=populations)


def evaluate_case(
    case: Case,
    scores: npt.ArrayLike,
    *,
    baselines: Mapping[str, npt.ArrayLike] | None = None,
    populations: Sequence[str] | None = None,
    judged: BoolArray | None = None,
) -> Evaluation:
    """Evaluate an estimator's scores, as `evaluate_scores` does.

    Args:
        case: The truth to evaluate against; share one among all estimators on the same
            architectures, so that ceilings are modelled once.
        scores: As in `evaluate_scores`.
        baselines: As in `evaluate_scores`.
        populations: As in `evaluate_scores`.
        judged: Architectures that each seed is evaluated on, [seed, n], baselines included; all by
            default. The ceiling and the reference use all architectures, the gap curve those that
            every seed is evaluated on.

    Returns:
        The evaluation.

    Raises:
        UsageError: As `evaluate_scores`.
    """
    rows = case.check_scores(scores, "the scores")
    besides = {
        name: np.broadcast_to(case.check_scores(values, f"the baseline '{name}'"), rows.shape)
        if judged is not None
        else case.check_scores(values, f"the baseline '{name}'")
        for name, values in (baselines or {}).items()
    }
    results = {
        name: _evaluate_on(case, name, rows, besides, judged) for name in case.names(populations)
    }
    by_all = np.ones(len(case.truth), dtype=np.bool_) if judged is None else judged.all(axis=0)
    curve = concordance_by_gap(rows[:, by_all], case.truth[by_all])
    return Evaluation(len(case.truth), len(rows), results, curve)


def _evaluate_on(
    case: Case,
    name: str,
    rows: FloatArray,
    besides: Mapping[str, FloatArray],
    judged: BoolArray | None,
) -> PopulationResult:
    part = case.select(name)
    samples = {metric: sample_seeds(case, metric, rows, name, judged) for metric in METRICS}
    metrics = {metric: conclude(sample) for metric, sample in samples.items()}
    tau, ceiling = metrics["tau"].value, case.ceiling(part)
    reached = share = components = None
    if tau is not None:
        truth_se = truth_se_of_seeds(case, rows, name, judged)
        components = decompose(samples["tau"], truth_se)
    if tau is not None and ceiling is not None and ceiling.tau > 0.0:
        reached, share = attenuation(tau, ceiling.tau), tau / ceiling.tau
    return PopulationResult(
        population=part,
        metrics=metrics,
        components=components,
        reference=case.reference(part),
        ceiling=ceiling,
        attenuation=reached,
        share_of_ceiling=share,
        baselines={
            beside: conclude(sample_seeds(case, "tau", values, name, judged))
            for beside, values in besides.items()
        },
    )
