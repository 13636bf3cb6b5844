"""A metric over training seeds: its values, what they rest on, and the intervals that follow.

The difference of two methods on the same architectures and seeds is a sample of its own, so that
everything here has a paired version. Axis letters: seed, n architectures, b resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.stats.correlation import FloatArray
from harness.stats.intervals import (
    Interval,
    Limits,
    combine,
    influence_se,
    over_seeds,
    replicates_se,
)
from harness.stats.metrics import Computed, Method, Metric, compute_metric, find_metric

MIN_HITS = 10
"""A precision of fewer hits, or misses, has no interval over architectures."""

NO_LIMITS: Limits = (-np.inf, np.inf)


@dataclass(frozen=True, eq=False)
class Sample:
    """One metric of one method's training seeds, or the difference of two methods.

    Attributes:
        metric: Which.
        values: One a seed, [seed]; empty unless the status is "ok".
        status: "ok", "too few" or "undefined" (of any seed).
        n: Architectures that it rests on: the top k for a precision, else all drawn.
        n_drawn: Architectures that it was computed over.
        population: Architectures that these were drawn from.
        limits: Smallest and largest possible value.
        parts: Influence values [seed, n_drawn] or bootstrap replicates [seed, b], as the metric's
            method says; None where it has no interval over architectures, or needs none.
    """

    metric: Metric
    values: FloatArray
    status: str
    n: int
    n_drawn: int
    population: int
    limits: Limits
    parts: FloatArray | None

    @property
    def architectures_se(self) -> float | None:
        """The standard error of the mean over the draw of architectures; 0 for all of them.

        None where there is no such number: the metric has none, or too few architectures.
        """
        if self.n_drawn >= self.population:
            return 0.0
        if self.parts is None:
            return None
        mean = self.parts.mean(axis=0)
        if self.metric.method is Method.INFLUENCE:
            return influence_se(mean, self.population)
        return replicates_se(mean, self.n_drawn, self.population)


@dataclass(frozen=True)
class MetricResult:
    """One metric of one method, or the difference of two, with all its intervals.

    An interval is None where there is none, never where it is zero wide.

    Attributes:
        name: Key of `METRICS`.
        value: Mean over seeds; None unless the status is "ok".
        per_seed: One value a seed.
        status: "ok", "too few" or "undefined".
        n: Architectures that it rests on.
        over_architectures: Over the draw of architectures, for these trained seeds.
        over_seeds: Over training seeds, on these architectures; needs two, and a metric that does
            not rest on a single architecture.
        interval: Over both: what may be said of the method. None where either part has no
            interval though it should have; with one seed that over architectures, which speaks
            of that one supernet.
    """

    name: str
    value: float | None
    per_seed: tuple[float, ...]
    status: str
    n: int
    over_architectures: Interval | None
    over_seeds: Interval | None
    interval: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        intervals = {
            "over_architectures": self.over_architectures,
            "over_seeds": self.over_seeds,
            "interval": self.interval,
        }
        return {
            "value": self.value,
            "per_seed": list(self.per_seed),
            "status": self.status,
            "n": self.n,
            **{name: part and interval_to_dict(part) for name, part in intervals.items()},
        }


def interval_to_dict(interval: Interval) -> dict[str, float]:
    """Return an interval ready for JSON."""
    return interval._asdict()


def sample_metric(name: str, scores: FloatArray, truth: FloatArray, population: int) -> Sample:
    """Compute a metric for every training seed.

    Args:
        name: Key of `METRICS`.
        scores: Estimates, higher is better, finite numbers, [seed, n].
        truth: Ground truth, [n].
        population: Architectures that these n were drawn from.

    Returns:
        The sample.

    Raises:
        UsageError: If the name is unknown, there is no seed, or `compute_metric` refuses a row.
    """
    metric = find_metric(name)
    if scores.ndim != 2 or len(scores) == 0:
        raise UsageError(
            f"Scores of shape {scores.shape} were given; they must be [seed, n] with at least one "
            "seed. Add the axis, or pass a seed."
        )
    rows = [compute_metric(name, row, truth) for row in scores]
    status = next((row.status for row in rows if row.status != "ok"), "ok")
    values = np.array([row.value for row in rows if row.value is not None and status == "ok"])
    n_drawn = len(truth)
    if metric.share is not None:
        n_drawn, population = rows[0].n, round(population * metric.share)
    has_parts = status == "ok" and metric.interval_from <= n_drawn < population
    return Sample(
        metric,
        values,
        status,
        n=rows[0].n,
        n_drawn=n_drawn,
        population=population,
        limits=metric.limits or NO_LIMITS,
        parts=_parts(metric, rows, scores, truth) if has_parts else None,
    )


def subtract(first: Sample, second: Sample) -> Sample:
    """Return the paired difference first - second, seed by seed and architecture by architecture.

    Args:
        first: A metric of one method.
        second: The same metric of another, on the same architectures and as many seeds, in the
            same order.

    Returns:
        The difference, whose intervals leave out what the two have in common.

    Raises:
        UsageError: If metric, architectures or number of seeds differ.
    """
    shapes = [(s.metric.name, s.n_drawn, s.population, len(s.values)) for s in (first, second)]
    status = next((s.status for s in (first, second) if s.status != "ok"), "ok")
    if shapes[0][:3] != shapes[1][:3] or (status == "ok" and shapes[0][3] != shapes[1][3]):
        raise UsageError(
            f"A paired difference was asked for (metric, architectures, population, seeds) "
            f"{shapes[0]} and {shapes[1]}; all must be the same. Keep what both have."
        )
    parts = None
    if first.parts is not None and second.parts is not None:
        parts = first.parts - second.parts
    return Sample(
        first.metric,
        first.values - second.values if status == "ok" else np.zeros(0),
        status,
        n=first.n,
        n_drawn=first.n_drawn,
        population=first.population,
        limits=(first.limits[0] - first.limits[1], first.limits[1] - first.limits[0]),
        parts=parts,
    )


def conclude(sample: Sample) -> MetricResult:
    """Give a sample all the intervals that its metric is allowed."""
    values, name = tuple(float(value) for value in sample.values), sample.metric.name
    if sample.status != "ok":
        return MetricResult(name, None, values, sample.status, sample.n, None, None, None)
    mean, se = float(sample.values.mean()), sample.architectures_se
    if sample.metric.is_extreme:
        return MetricResult(name, mean, values, "ok", sample.n, None, None, None)
    architectures = interval = None
    if se is not None and sample.n_drawn < sample.population:
        architectures = combine(np.array([mean]), se, sample.limits, sample.n_drawn)
    if se is not None and (architectures is not None or len(values) > 1):
        interval = combine(sample.values, se, sample.limits, sample.n_drawn)
    seeds = over_seeds(values, sample.limits)
    return MetricResult(name, mean, values, "ok", sample.n, architectures, seeds, interval)


def _parts(
    metric: Metric, rows: list[Computed], scores: FloatArray, truth: FloatArray
) -> FloatArray | None:
    if metric.method is Method.INFLUENCE:
        return np.stack([row.influence for row in rows if row.influence is not None])
    if metric.replicates is None:
        return None
    # Of few hits or misses the normal interval covers too little: 0.78 for one hit of 36.
    hits = float(np.mean([row.n * (row.value or 0.0) for row in rows]))
    is_rare = min(hits, rows[0].n - hits) < MIN_HITS
    return None if is_rare or not metric.is_smooth(truth) else metric.replicates(scores, truth)
