"""How figures are written, in tables and in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.estimators.cost import Labels
from harness.estimators.matrix import ScoreMatrix
from harness.report.seed_means import SeedMean
from harness.stats import MIN_ARCHS, Interval, MetricResult, PopulationResult
from harness.stats.intervals import OVER_ARCHITECTURES, OVER_BOTH, OVER_SEEDS

_WHOLE = ("best_rank_at_1", "best_rank_at_10", "best_rank_at_100")
_SMALL = 5e-4
"""Three decimals show nothing of a smaller number."""
MARKS = {OVER_SEEDS: " s", OVER_ARCHITECTURES: " a", OVER_BOTH: ""}
"""Mark after an interval in a table: what the interval is over."""


def find_interval(result: MetricResult) -> Interval | None:
    """Return the interval to show for a metric."""
    return result.interval or result.over_seeds


def write_over(interval: Interval, *estimators: ScoreMatrix) -> str:
    """Write what an interval is over, where seeds of all these are label seeds as such."""
    several = [each for each in estimators if len(each.seeds) > 1]
    are_labels = several and all(each.fitted_on for each in several)
    return interval.over.replace("seeds", "label seeds") if are_labels else interval.over


def write_figure(result: MetricResult, with_spread: bool = False, signed: bool = False) -> str:
    """Write a metric with its interval, or why it has no value.

    Args:
        result: The metric.
        with_spread: Whether to write its standard deviation over seeds too.
        signed: Whether it is a difference, with its sign.

    Returns:
        Such as "0.597 +- 0.033 [0.505, 0.690]", with a mark of `MARKS` at the end. If all seeds
        have the same value, no interval is written.
    """
    text = write_value(result, signed)
    if result.value is None:
        return text
    interval = find_interval(result)
    if (with_spread or interval is None) and len(result.per_seed) > 1:
        text += f" +- {np.std(result.per_seed, ddof=1):.3f}"
    if interval is None:
        return text
    if interval.low == interval.high:
        return f"{text} (the same for all seeds)"
    return f"{text}{write_ends(interval, result.name, signed)}{MARKS[interval.over]}"


def write_value(result: MetricResult, signed: bool = False) -> str:
    """Write a metric's value, or why there is none."""
    return result.status if result.value is None else _number(result.value, result.name, signed)


def write_status(result: MetricResult) -> str:
    """Write in a sentence why a metric has no value."""
    if result.status == "too few":
        return f"too few architectures ({MIN_ARCHS} are enough)"
    return f"{result.name} {result.status}"


def _number(value: float, name: str, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if name in _WHOLE:
        return f"{value:{sign},.0f}" if value == round(value) else f"{value:{sign},.1f}"
    if 0.0 < abs(value) < _SMALL and name.startswith("regret"):  # of a metric of small numbers
        return f"{value:{sign}.3g}"
    return f"{value:{sign}.3f}"


def write_gap(gap: float) -> str:
    """Write a true gap: two decimals, or three digits where these would round it."""
    return f"{gap:.2f}" if abs(gap - round(gap, 2)) < _SMALL * gap else f"{gap:.3g}"


def write_ends(interval: Interval | None, name: str = "tau", signed: bool = False) -> str:
    """Write the ends of an interval, to follow its figure; nothing if there is none."""
    if interval is None:
        return ""
    return f" [{_number(interval.low, name, signed)}, {_number(interval.high, name, signed)}]"


def write_share(se: float | None, share: float | None) -> str:
    """Write a standard error and its share of the variance."""
    if se is None:
        return "unknown"
    if se == 0.0:
        return "0"
    return f"{se:.4f}" if share is None else f"{se:.4f} ({share:.0%})"


def write_ceiling(
    part: PopulationResult, *, with_share: bool = False, with_range: bool = True
) -> str:
    """Write the ceiling of a population, with its range and the share reached where asked for."""
    found = part.ceiling
    if found is None:
        return "-"
    has_share = with_share and part.share_of_ceiling is not None
    ends = "" if found.low is None or not with_range else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{found.tau:.3f}{ends}" + (f" ({part.share_of_ceiling:.0%})" if has_share else "")


def write_reference(part: PopulationResult) -> str:
    """Write the one-seed reference of a population, on its own architectures."""
    found = part.reference
    return "-" if found is None else f"{found.tau:.3f} (n={found.n_archs:,})"


def write_estimate(estimate: SeedMean, digits: int, signed: bool = False) -> str:
    """Write a mean over seeds, with its interval if there is one."""
    if estimate.mean is None:
        return "-"
    sign = "+" if signed else ""
    text = f"{estimate.mean:{sign}.{digits}f}"
    if estimate.interval is not None:
        low, high = estimate.interval
        text += f" [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"
    return text


def write_labels(labels: Labels | None) -> tuple[str, str]:
    """Write how many labels there are, and what they cost, such as "128 x 12 ep (14,040 s)"."""
    if labels is None:
        return "0", "0"
    n = f"{labels.n:,.4g}" if labels.n < 1000 else f"{labels.n:,.0f}"
    if labels.epochs is None:
        return n, "unknown"
    each = labels.epochs / labels.n
    cost = f"{n} x {each:,.0f} ep" if each == round(each) else f"{labels.epochs:,.0f} ep"
    return n, cost if labels.seconds is None else f"{cost} ({write_seconds(labels.seconds)} s)"


def write_seconds(seconds: float) -> str:
    """Write seconds to three digits, and whole ones."""
    if seconds == 0.0:
        return "0"
    return f"{seconds:,.0f}" if seconds >= 100.0 else f"{seconds:.3g}"


def write_seeds(seeds: Sequence[int | None]) -> str:
    """Write seeds; a dash for an unknown one."""
    return ", ".join("-" if seed is None else str(seed) for seed in seeds)
