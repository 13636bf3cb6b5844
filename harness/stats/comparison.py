"""Everything that is reported about the difference of two rankings, in one call.

Axis letters: n architectures that have a truth and both scores, seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from harness.errors import UsageError
from harness.spaces import Space
from harness.stats.case import Case
from harness.stats.case_scores import CaseScores
from harness.stats.components import Components, decompose
from harness.stats.metrics import METRICS
from harness.stats.reversals import Difference, Verdict, compare_winners
from harness.stats.samples import MetricResult, Sample, conclude, subtract


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two estimators, first - second, on every population.

    Attributes:
        names: The two estimators.
        n: Number of architectures, scored by both.
        n_seeds: Number of seeds, of the side with fewer; 1 compares two trained supernets, not two
            methods.
        differences: By population, by metric.
        components: Where the uncertainty of the difference in tau comes from, by population.
        verdict: Whether the winner in tau depends on the population, in words.
    """

    names: tuple[str, str]
    n: int
    n_seeds: int
    differences: dict[str, dict[str, MetricResult]]
    components: dict[str, Components | None]
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "names": list(self.names),
            "n": self.n,
            "n_seeds": self.n_seeds,
            "differences": {
                place: {name: result.to_dict() for name, result in results.items()}
                for place, results in self.differences.items()
            },
            "components": {
                place: parts and parts.to_dict() for place, parts in self.components.items()
            },
            "verdict": self.verdict.to_dict(),
        }


def compare_scores(
    keys: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    trials: npt.ArrayLike | None,
    truth: npt.ArrayLike,
    *,
    names: tuple[str, str] = ("first", "second"),
    populations: Sequence[str] | None = None,
    n_behind: npt.ArrayLike | None = None,
    seed: int = 0,
    space: Space | None = None,
) -> Comparison:
    """Compare two estimators in pairs: same architectures, same truth, seeds paired in order.

    Args:
        keys: As in `evaluate_scores`.
        first: Scores of one estimator, [n] or [seed, n].
        second: Scores of the other, of the same shape.
        trials: As in `evaluate_scores`.
        truth: As in `evaluate_scores`.
        names: Names of the two.
        populations: Keys of `populations_of`, at least one; all of the space by default.
        n_behind: As in `evaluate_scores`.
        seed: As in `evaluate_scores`.
        space: As in `evaluate_scores`.

    Returns:
        The comparison. Its intervals cover seeds and architectures, given this truth; those of the
        components also cover the truth's noise.

    Raises:
        UsageError: As `evaluate_scores`, or if the numbers of seeds differ or the names are equal.
    """
    case = Case(keys, trials, truth, n_behind, seed, space)
    sides = [
        CaseScores(case, rows, what=name) for rows, name in zip((first, second), names, strict=True)
    ]
    return compare_case(*sides, names=names, populations=populations)


def compare_case(
    first: CaseScores,
    second: CaseScores,
    *,
    names: tuple[str, str] = ("first", "second"),
    populations: Sequence[str] | None = None,
    is_paired: bool = True,
    tick: Callable[[], object] = int,
) -> Comparison:
    """Compare two estimators, as `compare_scores` does.

    Args:
        first: Scores of one estimator.
        second: Scores of the other on the same case, evaluated on the same; if paired, of as many
            seeds.
        names: As in `compare_scores`.
        populations: As in `compare_scores`.
        is_paired: Whether the difference is taken seed by seed; otherwise the seeds of the two are
            independent, and all are evaluated on the same architectures.
        tick: Called after each population.

    Returns:
        The comparison.

    Raises:
        UsageError: As `compare_scores`.
    """
    if is_paired and len(first) != len(second):
        raise UsageError(
            f"{len(first)} seeds of '{names[0]}' and {len(second)} of '{names[1]}' were given; "
            "seeds are compared in pairs. Keep only the seeds that both have."
        )

    differences, components = {}, {}
    for name in first.case.names(populations):
        samples = {
            metric: subtract_cases(first, second, metric, name, is_paired) for metric in METRICS
        }
        differences[name] = {metric: conclude(sample) for metric, sample in samples.items()}
        components[name] = decompose(samples["tau"], first.truth_se(name, minus=second))
        tick()
    taus = {name: results["tau"] for name, results in differences.items()}
    verdict = compare_winners(
        names, {name: Difference(tau.value, tau.interval, tau.p) for name, tau in taus.items()}
    )
    n = len(first.case.truth)
    return Comparison(names, n, min(len(first), len(second)), differences, components, verdict)


def subtract_cases(
    first: CaseScores, second: CaseScores, metric: str, population: str, is_paired: bool
) -> Sample:
    """Sample the difference of two estimators in one metric on one population.

    Args:
        first: Scores of one estimator.
        second: Scores of the other, as in `compare_case`.
        metric: Key of `METRICS`.
        population: Name of the population.
        is_paired: As in `compare_case`.
    """
    if is_paired:
        return first.sample(metric, population, minus=second)
    sides = (side.sample(metric, population) for side in (first, second))
    return subtract(*sides, is_paired=False)
