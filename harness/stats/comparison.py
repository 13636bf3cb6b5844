"""Everything that is said of the difference of two rankings, in one call.

Axis letters: n architectures that have a truth and both scores, seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from harness.errors import UsageError
from harness.stats.case import Case
from harness.stats.components import Components, decompose
from harness.stats.metrics import METRICS
from harness.stats.populations import POPULATIONS
from harness.stats.reversals import Difference, Verdict, compare_winners
from harness.stats.samples import MetricResult, conclude, subtract


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two estimators, first - second, on every population.

    Attributes:
        names: The two.
        n: Architectures, which both have scored.
        n_seeds: Seeds, paired in order; 1 compares two trained supernets, not two methods.
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
    nb201_index: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    trials: npt.ArrayLike | None,
    truth: npt.ArrayLike,
    *,
    names: tuple[str, str] = ("first", "second"),
    populations: Sequence[str] = tuple(POPULATIONS),
    n_behind: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare two estimators in pairs: same architectures, same truth, seeds paired in order.

    Args:
        nb201_index: As in `evaluate_scores`.
        first: Scores of one, [n] or [seed, n].
        second: Scores of the other, of the same shape.
        trials: As in `evaluate_scores`.
        truth: As in `evaluate_scores`.
        names: What to call the two.
        populations: Keys of `POPULATIONS`, at least one.
        n_behind: As in `evaluate_scores`.
        seed: As in `evaluate_scores`.

    Returns:
        The comparison. Its intervals cover seeds and architectures, given this truth; those of
        the components cover the truth's noise too.

    Raises:
        UsageError: As `evaluate_scores`, or if the numbers of seeds differ or the names do not.
    """
    case = Case(nb201_index, trials, truth, n_behind, seed)
    pair = case.check_scores(first, names[0]), case.check_scores(second, names[1])
    if len(pair[0]) != len(pair[1]):
        raise UsageError(
            f"{len(pair[0])} seeds of '{names[0]}' and {len(pair[1])} of '{names[1]}' were given; "
            "seeds are compared in pairs. Keep the seeds that both have."
        )
    differences, components = {}, {}
    for name in populations:
        part = case.select(name)
        samples = {
            metric: subtract(*(case.sample(metric, rows, part) for rows in pair))
            for metric in METRICS
        }
        differences[name] = {metric: conclude(sample) for metric, sample in samples.items()}
        components[name] = decompose(samples["tau"], case.truth_se(part, *pair))
    taus = {name: results["tau"] for name, results in differences.items()}
    verdict = compare_winners(
        names, {name: Difference(tau.value, tau.interval, tau.p) for name, tau in taus.items()}
    )
    return Comparison(names, len(case.truth), len(pair[0]), differences, components, verdict)
