"""Everything that is reported about the difference of two rankings, in one call.

Axis letters: n architectures that have a truth and both scores, seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from harness.errors import UsageError
from harness.spaces import Space
from harness.stats.case import Case
from harness.stats.components import Components, decompose
from harness.stats.metrics import METRICS
from harness.stats.own_archs import sample_seeds, truth_se_of_seeds
from harness.stats.populations import BoolArray
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
    return compare_case(case, first, second, names=names, populations=populations)


def compare_case(
    case: Case,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    names: tuple[str, str] = ("first", "second"),
    populations: Sequence[str] | None = None,
    is_paired: bool = True,
    judged: BoolArray | None = None,
) -> Comparison:
    """Compare two estimators, as `compare_scores` does.

    Args:
        case: The truth to evaluate against.
        first: Scores of one estimator, [n] or [seed, n].
        second: Scores of the other; of the same shape if paired.
        names: As in `compare_scores`.
        populations: As in `compare_scores`.
        is_paired: Whether the difference is taken seed by seed; otherwise the seeds of the two are
            independent.
        judged: If paired, the architectures that each pair of seeds is evaluated on, [seed, n]; all
            by default.

    Returns:
        The comparison.

    Raises:
        UsageError: As `compare_scores`.
    """
    pair = case.check_scores(first, names[0]), case.check_scores(second, names[1])
    if is_paired and len(pair[0]) != len(pair[1]):
        raise UsageError(
            f"{len(pair[0])} seeds of '{names[0]}' and {len(pair[1])} of '{names[1]}' were given; "
            "seeds are compared in pairs. Keep only the seeds that both have."
        )

    def sample(metric: str, name: str) -> Sample:
        if is_paired:
            return sample_seeds(case, metric, pair[0], name, judged, minus=pair[1])
        part = case.select(name)
        sides = (case.sample(metric, rows, part) for rows in pair)
        return subtract(*sides, is_paired=False)

    differences, components = {}, {}
    for name in case.names(populations):
        samples = {metric: sample(metric, name) for metric in METRICS}
        differences[name] = {metric: conclude(sample) for metric, sample in samples.items()}
        truth_se = truth_se_of_seeds(case, pair[0], name, judged, minus=pair[1])
        components[name] = decompose(samples["tau"], truth_se)
    taus = {name: results["tau"] for name, results in differences.items()}
    verdict = compare_winners(
        names, {name: Difference(tau.value, tau.interval, tau.p) for name, tau in taus.items()}
    )
    n_seeds = min(map(len, pair))
    return Comparison(names, len(case.truth), n_seeds, differences, components, verdict)
