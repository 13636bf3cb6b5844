"""A metric over training seeds: its values, what they rest on, and the intervals that follow.

The difference of two methods on the same architectures and seeds is a sample of its own, so that
everything here has a paired version. Axis letters: seed, n architectures, b resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.stats.correlation import FloatArray
from harness.stats.intervals import (
    FISHER_BELOW,
    OVER_ARCHITECTURES,
    OVER_BOTH,
    OVER_SEEDS,
    Interval,
    Limits,
    around,
    finite_factor,
)
from harness.stats.metrics import Method, Metric, find_metric
from harness.stats.scored import Scored
from harness.stats.uncertainty import (
    Uncertainty,
    lasting_se,
    over_one_group,
    over_two_groups,
)

MIN_HITS = 10
"""A precision with fewer hits or misses has no interval over architectures."""

NO_LIMITS: Limits = (-np.inf, np.inf)


@dataclass(frozen=True, eq=False)
class Sample:
    """One metric of one method's training seeds, or the difference of two methods.

    Attributes:
        metric: The metric.
        values: One per seed, [seed]; empty unless the status is "ok".
        status: "ok", "too few" or "undefined" (for any seed).
        n: Number of architectures that it rests on: the top k for a precision, else all drawn.
        n_drawn: Number of architectures that it was computed over.
        population: Number of architectures that these were drawn from; None if too large to count.
        limits: Smallest and largest possible value.
        parts: Contributions to the variance over architectures, [seed, part]: for their mean over
            seeds, the sum of squares is the variance over draws from an infinite population. None
            if the metric has no interval over architectures, or does not need one.
        minus: For a difference over independent seeds, the sample that is subtracted; None for one
            method, or if the subtraction was seed by seed.
    """

    metric: Metric
    values: FloatArray
    status: str
    n: int
    n_drawn: int
    population: int | None
    limits: Limits
    parts: FloatArray | None
    minus: Sample | None = None

    @property
    def value(self) -> float | None:
        """The mean over seeds, or the difference of two; None unless the status is "ok"."""
        if self.status != "ok":
            return None
        subtracted = 0.0 if self.minus is None else float(self.minus.values.mean())
        return float(self.values.mean()) - subtracted

    @property
    def left(self) -> float:
        """The finite population correction; 0 if the whole population was scored."""
        return finite_factor(self.n_drawn, self.population)

    @property
    def architectures_se(self) -> float | None:
        """The standard error over the draw of architectures, for these seeds; 0 for all of them.

        None if not available: the metric does not support it, or there are too few architectures.
        """
        return self._architectures_se(takes_out_seeds=False)

    @property
    def uncertainty(self) -> Uncertainty:
        """The variance components of the value, over seeds and architectures."""
        if self.minus is None:
            seeds = over_one_group(self.values)
        else:
            seeds = over_two_groups(self.values, self.minus.values)
        return seeds._replace(architectures_se=self._architectures_se(takes_out_seeds=True))

    def _architectures_se(self, takes_out_seeds: bool) -> float | None:
        groups = [self.parts] if self.minus is None else [self.parts, self.minus.parts]
        known = [group for group in groups if group is not None]
        if self.left == 0.0 or len(known) < len(groups):
            return 0.0 if self.left == 0.0 else None
        mean = known[0].mean(axis=0)
        if len(known) > 1:
            mean = mean - known[1].mean(axis=0)
        return lasting_se(mean, known if takes_out_seeds else (), self.left)


@dataclass(frozen=True)
class MetricResult:
    """One metric of one method, or the difference of two, with all its intervals.

    An interval is None if not available, never because its width is zero.

    Attributes:
        name: Key of `METRICS`.
        value: Mean over seeds; None unless the status is "ok".
        per_seed: One value per seed; empty for a difference over independent seeds.
        status: "ok", "too few" or "undefined".
        n: Number of architectures that it rests on.
        over_architectures: Over the draw of architectures, for these trained seeds.
        over_seeds: Over training seeds, on these architectures; needs two, and a metric that does
            not rest on a single architecture.
        interval: Over all sources of chance, named in its `over`: the interval for the method. None
            if a part that applies has no interval. With one seed it is the one over architectures,
            which describes that supernet only; with the whole population, the one over seeds.
        uncertainty: The variance components of `interval`; None if that is None.
    """

    name: str
    value: float | None
    per_seed: tuple[float, ...]
    status: str
    n: int
    over_architectures: Interval | None
    over_seeds: Interval | None
    interval: Interval | None
    uncertainty: Uncertainty | None = None

    @property
    def p(self) -> float | None:
        """The two-sided p-value for a true value of 0, by the same construction as `interval`."""
        if self.value is None or self.uncertainty is None:
            return None
        return self.uncertainty.p_value(self.value)

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


def interval_to_dict(interval: Interval) -> dict[str, float | str]:
    """Return an interval ready for JSON."""
    return interval._asdict()


def sample_metric(
    name: str, scores: FloatArray, truth: FloatArray, population: int | None
) -> Sample:
    """Compute a metric for every training seed.

    Args:
        name: Key of `METRICS`.
        scores: Estimates, higher is better, finite numbers, [seed, n].
        truth: Ground truth, [n].
        population: Number of architectures that these n were drawn from; None if too large to
            count.

    Returns:
        The sample.

    Raises:
        UsageError: If the name is unknown, there is no seed, or `compute_metric` rejects a row.
    """
    if scores.ndim != 2 or len(scores) == 0:
        raise UsageError(
            f"Scores of shape {scores.shape} were given; they must be [seed, n] with at least one "
            "seed. Add the axis, or pass a seed."
        )
    return sample_seeds(name, [Scored(row, truth) for row in scores], population)


def sample_seeds(name: str, seeds: Sequence[Scored], population: int | None) -> Sample:
    """Compute a metric from the scores of every training seed, as `sample_metric` does.

    Args:
        name: Key of `METRICS`.
        seeds: Scores on the same n architectures, at least one.
        population: As in `sample_metric`.
    """
    metric = find_metric(name)
    rows = [seed.compute(name) for seed in seeds]
    status = next((row.status for row in rows if row.status != "ok"), "ok")
    values = np.array([row.value for row in rows if row.value is not None and status == "ok"])
    n_drawn = len(seeds[0].truth)
    if metric.share is not None:
        n_drawn = rows[0].n
        population = None if population is None else round(population * metric.share)
    has_parts = status == "ok" and n_drawn >= metric.interval_from
    has_parts = has_parts and finite_factor(n_drawn, population) > 0.0
    return Sample(
        metric,
        values,
        status,
        n=rows[0].n,
        n_drawn=n_drawn,
        population=population,
        limits=metric.limits or NO_LIMITS,
        parts=_parts(metric, seeds) if has_parts else None,
    )


def subtract(first: Sample, second: Sample, *, is_paired: bool = True) -> Sample:
    """Return the difference first - second, architecture by architecture.

    Args:
        first: A metric of one method.
        second: The same metric of another, on the same architectures.
        is_paired: Whether both have the same seeds, in the same order, so that the difference is
            taken seed by seed; if not, the seeds of the two are independent.

    Returns:
        The difference, in whose intervals the common part of the two cancels.

    Raises:
        UsageError: If the metrics or architectures differ, or, if paired, the numbers of seeds.
    """
    shapes = [(s.metric.name, s.n_drawn, s.population, len(s.values)) for s in (first, second)]
    status = next((s.status for s in (first, second) if s.status != "ok"), "ok")
    has_pairs = not is_paired or status != "ok" or shapes[0][3] == shapes[1][3]
    if shapes[0][:3] != shapes[1][:3] or not has_pairs:
        raise UsageError(
            f"A paired difference was requested for (metric, architectures, population, seeds) "
            f"{shapes[0]} and {shapes[1]}; all must be the same. Keep only what both have."
        )
    limits = (first.limits[0] - first.limits[1], first.limits[1] - first.limits[0])
    if status != "ok":
        return replace(first, values=np.zeros(0), status=status, limits=limits, parts=None)
    if not is_paired:
        return replace(first, limits=limits, minus=second)
    has_parts = first.parts is not None and second.parts is not None
    parts = first.parts - second.parts if has_parts else None  # type: ignore[operator]
    return replace(first, values=first.values - second.values, limits=limits, parts=parts)


def conclude(sample: Sample) -> MetricResult:
    """Compute all the intervals that a sample's metric supports."""
    name, value = sample.metric.name, sample.value
    per_seed = tuple(map(float, sample.values)) if sample.minus is None else ()
    if value is None or sample.metric.is_extreme:
        return MetricResult(name, value, per_seed, sample.status, sample.n, None, None, None)
    found = sample.uncertainty
    for_these_seeds = Uncertainty(None, 0.0, sample.architectures_se)
    architectures = seeds = both = None
    if sample.left > 0.0 and for_these_seeds.architectures_se is not None:
        architectures = _make_interval(sample, for_these_seeds, OVER_ARCHITECTURES)
    if found.seeds_se is not None:
        seeds = _make_interval(sample, found._replace(architectures_se=None), OVER_SEEDS)
    made_of = None
    if architectures is not None and seeds is not None:
        both, made_of = _make_interval(sample, found, OVER_BOTH), found
    elif sample.left == 0.0 or seeds is None:
        both, made_of = (seeds, found) if seeds is not None else (architectures, for_these_seeds)
    made_of = None if both is None else made_of
    return MetricResult(name, value, per_seed, "ok", sample.n, architectures, seeds, both, made_of)


def _make_interval(sample: Sample, found: Uncertainty, over: str) -> Interval:
    """Make the two-sided 95% interval of a sample that has a value."""
    value = sample.value
    assert value is not None
    n_archs = FISHER_BELOW  # Fisher's z is for the draw of few architectures
    if over != OVER_SEEDS:
        n_archs = sample.n_drawn
    return around(value, found.half_width(0.975), found.se, over, sample.limits, n_archs)


def _parts(metric: Metric, seeds: Sequence[Scored]) -> FloatArray | None:
    """Return the parts of every seed, [seed, part], scaled as `Sample.parts` are."""
    if metric.method is Method.BOOTSTRAP:
        # With few hits or misses the normal interval covers too little: 0.78 for one hit of 36.
        rows = [seed.compute(metric.name) for seed in seeds]
        hits = float(np.mean([row.n * (row.value or 0.0) for row in rows]))
        is_rare = min(hits, rows[0].n - hits) < MIN_HITS
        if is_rare or not metric.is_smooth(seeds[0].truth):
            return None
    parts = [seed.parts(metric.name) for seed in seeds]
    known = [part for part in parts if part is not None]
    return np.stack(known) if len(known) == len(parts) else None
