"""All that one ranking is summarised by: tau overall and among the best, with what goes beside it.

Tau is carried by the bad tail, so it never stands alone: top half, top 10% and a weighted tau are
always given with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.spaces import load_space
from harness.stats.correlation import Tau, kendall_tau, spearman, weighted_tau
from harness.stats.intervals import Interval, over_architectures
from harness.stats.populations import MIN_ARCHS, TOP_10, TOP_HALF, top_share

METRICS = ("tau", "tau_top_half", "tau_top_10", "spearman", "weighted_tau")


@dataclass(frozen=True, eq=False)
class RankingSummary:
    """How well scores rank architectures.

    A metric is None where it is in `too_few` or in `undefined`. Taus keep their influence values,
    so that two summaries over the same architectures can be compared in pairs.

    Attributes:
        n: Architectures with a score and a truth.
        n_top_half: Of these, those in the top half by truth, ties included.
        n_top_10: Those in the top 10% by truth.
        tau: Tau-b over all n.
        tau_interval: Its interval over architectures; None for the whole population too.
        tau_top_half: Tau-b within the top half.
        tau_top_half_interval: Its interval, given the cut.
        tau_top_10: Tau-b within the top 10%.
        tau_top_10_interval: Its interval, given the cut.
        spearman: Spearman's correlation over all n.
        weighted_tau: Tau weighted towards the truly best.
        too_few: Metrics whose population has fewer than 30 architectures.
        undefined: Metrics without a value since all scores, or all truths, are equal.
    """

    n: int
    n_top_half: int
    n_top_10: int
    tau: Tau | None
    tau_interval: Interval | None
    tau_top_half: Tau | None
    tau_top_half_interval: Interval | None
    tau_top_10: Tau | None
    tau_top_10_interval: Interval | None
    spearman: float | None
    weighted_tau: float | None
    too_few: tuple[str, ...]
    undefined: tuple[str, ...]

    def to_dict(self) -> dict[str, int | float | list[str] | dict[str, float] | None]:
        """Return everything but the influence values, ready for JSON."""
        intervals = {
            "tau_interval": self.tau_interval,
            "tau_top_half_interval": self.tau_top_half_interval,
            "tau_top_10_interval": self.tau_top_10_interval,
        }
        return {
            "n": self.n,
            "n_top_half": self.n_top_half,
            "n_top_10": self.n_top_10,
            "tau": _value(self.tau),
            "tau_top_half": _value(self.tau_top_half),
            "tau_top_10": _value(self.tau_top_10),
            "spearman": self.spearman,
            "weighted_tau": self.weighted_tau,
            "too_few": list(self.too_few),
            "undefined": list(self.undefined),
            **{name: i and i._asdict() for name, i in intervals.items()},
        }


def summarise(
    score: npt.ArrayLike, truth: npt.ArrayLike, population: int | None = None
) -> RankingSummary:
    """Summarise a ranking.

    Args:
        score: Estimates, higher is better, finite numbers, [n].
        truth: Ground truth of the same architectures, [n].
        population: Number of architectures that these were drawn from; all of NAS-Bench-201
            unless given.

    Returns:
        The summary.

    Raises:
        UsageError: If the shapes differ, are not [n], a value is not finite, or n is 0.
    """
    if population is None:
        population = load_space().size or 0
    scores = np.asarray(score, dtype=np.float64)
    truths = np.asarray(truth, dtype=np.float64)
    if scores.size == 0:
        raise UsageError(
            "No architecture with a score was given; a ranking needs at least one. Rank some "
            "architectures that the truth table has."
        )
    whole = kendall_tau(scores, truths)
    half, best = (_tau_of_top(scores, truths, share) for share in (TOP_HALF, TOP_10))
    n, n_half, n_best = (len(tau.influence) for tau in (whole, half, best))
    rank_correlation, weighted = spearman(scores, truths), weighted_tau(scores, truths)
    values = (whole.value, half.value, best.value, rank_correlation, weighted)
    sizes = (n, n_half, n_best, n, n)
    too_few = tuple(name for name, size in zip(METRICS, sizes, strict=True) if size < MIN_ARCHS)
    missing = [name for name, value in zip(METRICS, values, strict=True) if value is None]
    return RankingSummary(
        n=n,
        n_top_half=n_half,
        n_top_10=n_best,
        tau=_kept(whole),
        tau_interval=over_architectures(whole, population),
        tau_top_half=_kept(half),
        tau_top_half_interval=over_architectures(half, round(population * TOP_HALF)),
        tau_top_10=_kept(best),
        tau_top_10_interval=over_architectures(best, round(population * TOP_10)),
        spearman=None if "spearman" in too_few else rank_correlation,
        weighted_tau=None if "weighted_tau" in too_few else weighted,
        too_few=too_few,
        undefined=tuple(name for name in missing if name not in too_few),
    )


def _tau_of_top(
    scores: npt.NDArray[np.float64], truths: npt.NDArray[np.float64], share: float
) -> Tau:
    chosen = top_share(truths, share)
    return kendall_tau(scores[chosen], truths[chosen])


def _kept(tau: Tau) -> Tau | None:
    return None if tau.value is None or len(tau.influence) < MIN_ARCHS else tau


def _value(tau: Tau | None) -> float | None:
    return None if tau is None else tau.value
