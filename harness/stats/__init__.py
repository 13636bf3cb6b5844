"""Statistics of rankings: correlations, intervals, populations, ceilings, summaries."""

from harness.stats.ceiling import Reference, modelled_ceiling, one_seed_reference
from harness.stats.correlation import Tau, kendall_tau, spearman, weighted_tau
from harness.stats.intervals import (
    DIFFERENCE_LIMITS,
    TAU_LIMITS,
    Interval,
    combined,
    over_architectures,
    over_seeds,
    paired_over_architectures,
)
from harness.stats.populations import MIN_ARCHS, top_share
from harness.stats.summary import RankingSummary, summarise

__all__ = [
    "DIFFERENCE_LIMITS",
    "MIN_ARCHS",
    "TAU_LIMITS",
    "Interval",
    "RankingSummary",
    "Reference",
    "Tau",
    "combined",
    "kendall_tau",
    "modelled_ceiling",
    "one_seed_reference",
    "over_architectures",
    "over_seeds",
    "paired_over_architectures",
    "spearman",
    "summarise",
    "top_share",
    "weighted_tau",
]
