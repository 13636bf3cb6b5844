"""The metrics of a ranking: what each is, what it needs, and which interval it supports.

Adding a metric is one function and one row of `METRICS`. Axis letters: n architectures, seed the
training seeds of one method. Every score is higher-is-better; so is every truth, in the
unit of what it measures (accuracy: percent).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import NamedTuple

import numpy as np

from harness.errors import unknown_name
from harness.stats.bootstrap import bootstrap_precisions
from harness.stats.correlation import Correlation, FloatArray, check_pair, kendall_tau, weighted_tau
from harness.stats.intervals import TAU_LIMITS, Limits
from harness.stats.linear import pearson, spearman
from harness.stats.populations import MIN_ARCHS, BoolArray, top_share
from harness.stats.topk import best_at, precision_at, top_count

MAX_TIED = 0.05
RESAMPLES = 400  # the standard error's own standard error is then 3.5%


class Method(Enum):
    """How a metric's interval over the draw of architectures is made."""

    INFLUENCE = "influence"
    BOOTSTRAP = "bootstrap"
    NONE = "none"
    """No such interval has valid coverage; only the spread over training seeds is reported."""


class Computed(NamedTuple):
    """One metric of one score.

    Attributes:
        value: The metric; None unless the status is "ok".
        status: "ok", "too few" or "undefined" (all scores, or all truths, are equal).
        n: Number of architectures that it rests on.
        influence: Influence values, [n]; None if the interval's method does not use them.
    """

    value: float | None
    status: str
    n: int
    influence: FloatArray | None = None


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: Its key.
        title: Its name in tables.
        definition: What it is, in a sentence.
        compute: From finite scores and truth, [n] each: an estimate with influence, or a number.
            One of an extreme also takes which architectures are known, [n] or None.
        method: How its interval over architectures is made.
        limits: Smallest and largest possible value; None where unbounded.
        share: The top share of truth that it is computed on; None for all.
        rests_on: From n, the number of architectures that it rests on: the top k for a precision,
            else n.
        more_than: It needs more architectures than this.
        interval_from: Fewest architectures for an interval over their draw.
        replicates: The bootstrap: scores [estimator, n] and truth to [estimator, b].
        is_smooth: Whether, on this truth [n], the bootstrap can be trusted.
        is_lower_better: Whether a lower value is the better one.
        is_extreme: Whether it rests on a single architecture. Its values over seeds are skewed and
            often equal, and Student's interval around their mean covers 0.5 to 0.95 by simulation,
            so it has no interval over seeds.
    """

    name: str
    title: str
    definition: str
    compute: Callable[..., Correlation | float | None]
    method: Method
    limits: Limits | None
    share: float | None = None
    rests_on: Callable[[int], int] = lambda n: n
    more_than: int = 0
    interval_from: int = MIN_ARCHS
    replicates: Callable[[FloatArray, FloatArray], FloatArray] | None = None
    is_smooth: Callable[[FloatArray], bool] = lambda truth: True
    is_lower_better: bool = False
    is_extreme: bool = False


def compute_metric(
    name: str, score: FloatArray, truth: FloatArray, known: BoolArray | None = None
) -> Computed:
    """Compute one metric of one score.

    Args:
        name: Key of `METRICS`.
        score: Estimates, higher is better, finite numbers, [n].
        truth: Ground truth, [n].
        known: Architectures whose truth the estimator was fitted to, [n]: of extremes only, since
            all others are computed without them; see `best_at`.

    Returns:
        The value with its status; "too few" on fewer than 30 architectures, for a precision
        fewer than 30 in the top k.

    Raises:
        UsageError: If the name is unknown, the shapes differ, are not [n], or a value is not
            finite.
    """
    metric = find_metric(name)
    scores, truths = check_pair(score, truth)
    if len(scores) == 0:
        return Computed(None, "too few", 0)
    if metric.share is not None:
        best = top_share(truths, metric.share)
        scores, truths = scores[best], truths[best]
    n = metric.rests_on(len(scores))
    n_known = 0 if known is None else int(known.sum())
    if n < MIN_ARCHS or n - n_known <= metric.more_than:
        return Computed(None, "too few", n)
    result = metric.compute(scores, truths, *([known] if metric.is_extreme else []))
    if isinstance(result, Correlation):
        if result.value is None:
            return Computed(None, "undefined", n)
        return Computed(result.value, "ok", n, result.influence)
    return Computed(result, "undefined" if result is None else "ok", n)


def find_metric(name: str) -> Metric:
    """Return a metric of the registry, or raise a UsageError for an unknown name."""
    if name not in METRICS:
        raise unknown_name("metric", name, METRICS)
    return METRICS[name]


def _tau_within(share: float) -> Metric:
    return Metric(
        f"tau_top_{round(100 * share)}",
        f"tau, top {share:.0%}",
        f"Kendall's tau-b within the top {share:.0%} of truth, ties included",
        kendall_tau,
        Method.INFLUENCE,
        TAU_LIMITS,
        share=share,
    )


def _precision(share: float) -> Metric:
    return Metric(
        f"precision_at_{round(100 * share)}",
        f"P@{share:.0%}",
        f"share of the top {share:.0%} by score that is also in the top {share:.0%} by truth",
        partial(precision_at, share=share),
        Method.BOOTSTRAP,
        (0.0, 1.0),
        rests_on=partial(top_count, share=share),
        replicates=partial(bootstrap_precisions, share=share, resamples=RESAMPLES),
        is_smooth=partial(_has_sharp_cut, share=share),
    )


def _has_sharp_cut(truth: FloatArray, share: float) -> bool:
    """Tell whether few are tied at the cut; a large tied group is all in or all out, by chance.

    With a sixth of the top k tied there, intervals cover 0.77 by simulation.
    """
    best = truth[top_share(truth, share)]
    return int((best == best.min()).sum()) <= max(2, MAX_TIED * top_count(len(truth), share))


_KNOWN = "labels count as found"


def _best_rank(k: int) -> Metric:
    return Metric(
        f"best_rank_at_{k}",
        f"best rank@{k}",
        f"true rank (1 is best) of the best architecture among the {k} highest-scoring; {_KNOWN}",
        lambda scores, truth, known: best_at(scores, truth, k, known).rank,
        Method.NONE,
        (1.0, np.inf),
        more_than=k,
        is_lower_better=True,
        is_extreme=True,
    )


def _regret(k: int) -> Metric:
    return Metric(
        f"regret_at_{k}",
        f"regret@{k}",
        "gap in truth (accuracy: in points) between the best of all and the best of the "
        f"{k} highest-scoring; {_KNOWN}",
        lambda scores, truth, known: best_at(scores, truth, k, known).regret,
        Method.NONE,
        (0.0, np.inf),
        more_than=k,
        is_lower_better=True,
        is_extreme=True,
    )


TOP_SHARES = (0.5, 0.2, 0.1, 0.01)
PRECISION_SHARES = (0.01, 0.05, 0.1)
BEST_OF = (1, 10, 100)

_ROWS = (
    Metric("tau", "tau", "Kendall's tau-b", kendall_tau, Method.INFLUENCE, TAU_LIMITS),
    # Its weights depend on n, and the best architecture has a tenth of them: a sample's value is a
    # biased estimate for the population, and intervals around it cover 0 to 0.9 by simulation.
    Metric(
        "weighted_tau",
        "weighted tau",
        "tau with additive hyperbolic weights by the rank of truth; comparable at equal n only",
        weighted_tau,
        Method.NONE,
        TAU_LIMITS,
    ),
    Metric(
        "spearman",
        "Spearman",
        "Spearman's rank correlation, tied values sharing their mean rank",
        spearman,
        Method.INFLUENCE,
        TAU_LIMITS,
    ),
    # Pearson is dominated by the 2% of architectures that do not train and stay at 10% accuracy: a
    # sample of 200 holds four, and its interval covers 0.88 by simulation.
    Metric(
        "pearson",
        "Pearson",
        "Pearson's linear correlation, dominated by the score's scale and the bad tail of truth",
        pearson,
        Method.INFLUENCE,
        TAU_LIMITS,
        interval_from=1000,
    ),
    *(_tau_within(share) for share in TOP_SHARES),
    *(_precision(share) for share in PRECISION_SHARES),
    *(_best_rank(k) for k in BEST_OF),
    *(_regret(k) for k in BEST_OF),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ROWS}
"""All metrics by name, in table order."""
