"""Statistics of rankings: metrics, populations, intervals and ceilings, computed in one call."""

from harness.stats.added_value import (
    CHOSEN_FROM,
    WEIGHTS,
    AddedValue,
    Basis,
    ChosenWeight,
    Gain,
    added_value,
)
from harness.stats.bootstrap import bootstrap_precisions
from harness.stats.by_population import Evaluation, PopulationResult, evaluate_case, evaluate_scores
from harness.stats.case import Case
from harness.stats.case_scores import CaseScores
from harness.stats.ceiling import (
    Ceiling,
    Reference,
    modelled_ceiling,
    modelled_ceilings,
    one_seed_reference,
)
from harness.stats.combination import Component, LogRanks, rank_together
from harness.stats.comparison import Comparison, compare_case, compare_scores
from harness.stats.components import Components, decompose
from harness.stats.contrasts import Contrast, holm, paired_contrast, smallest_detectable
from harness.stats.correlation import Correlation, Tau, kendall_tau, weighted_tau
from harness.stats.crossed import CrossedMean, crossed_mean
from harness.stats.gaps import GapBin, GapCurve, concordance_by_gap
from harness.stats.intervals import (
    TAU_LIMITS,
    Interval,
    median_bounds,
    over_seeds,
)
from harness.stats.jackknife import MIN_GROUPS, ImageError, image_error_of_tau
from harness.stats.linear import pearson, spearman
from harness.stats.metrics import METRICS, Computed, Method, Metric, compute_metric
from harness.stats.populations import (
    MIN_ARCHS,
    Population,
    Subset,
    populations_of,
    select_population,
    top_share,
)
from harness.stats.reversals import Difference, Verdict, adjust, compare_winners
from harness.stats.samples import MetricResult, Sample, conclude, sample_metric, subtract
from harness.stats.topk import Best, best_at, precision_at
from harness.stats.truth_noise import (
    Attenuation,
    TruthInfluence,
    attenuation,
    truth_influence,
)

__all__ = [
    "CHOSEN_FROM",
    "METRICS",
    "MIN_ARCHS",
    "MIN_GROUPS",
    "TAU_LIMITS",
    "WEIGHTS",
    "AddedValue",
    "Attenuation",
    "Basis",
    "Best",
    "Case",
    "CaseScores",
    "Ceiling",
    "ChosenWeight",
    "Comparison",
    "Component",
    "Components",
    "Computed",
    "Contrast",
    "Correlation",
    "CrossedMean",
    "Difference",
    "Evaluation",
    "Gain",
    "GapBin",
    "GapCurve",
    "ImageError",
    "Interval",
    "LogRanks",
    "Method",
    "Metric",
    "MetricResult",
    "Population",
    "PopulationResult",
    "Reference",
    "Sample",
    "Subset",
    "Tau",
    "TruthInfluence",
    "Verdict",
    "added_value",
    "adjust",
    "attenuation",
    "best_at",
    "bootstrap_precisions",
    "compare_case",
    "compare_scores",
    "compare_winners",
    "compute_metric",
    "conclude",
    "concordance_by_gap",
    "crossed_mean",
    "decompose",
    "evaluate_case",
    "evaluate_scores",
    "holm",
    "image_error_of_tau",
    "kendall_tau",
    "median_bounds",
    "modelled_ceiling",
    "modelled_ceilings",
    "one_seed_reference",
    "over_seeds",
    "paired_contrast",
    "pearson",
    "populations_of",
    "precision_at",
    "rank_together",
    "sample_metric",
    "select_population",
    "smallest_detectable",
    "spearman",
    "subtract",
    "top_share",
    "truth_influence",
    "weighted_tau",
]
