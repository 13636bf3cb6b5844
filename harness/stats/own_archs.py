"""Seeds that are each judged on architectures of their own.

An estimator that was fitted to the truth of some architectures is not judged by these, and each of
its seeds may have been fitted to others. So each seed is judged on what it has not seen, what it is
compared with on the same, and then the mean is taken. Axis letters: seed; n, all architectures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.stats.case import Case
from harness.stats.correlation import FloatArray, IntArray
from harness.stats.metrics import Method
from harness.stats.populations import BoolArray, top_share
from harness.stats.samples import Sample, subtract


def sample_seeds(
    case: Case,
    metric: str,
    rows: FloatArray,
    name: str,
    judged: BoolArray | None = None,
    minus: FloatArray | None = None,
) -> Sample:
    """Compute a metric, or the paired difference of two, of every seed.

    Args:
        case: All architectures.
        metric: Key of `METRICS`.
        rows: Scores, [seed, n].
        name: The population, which is selected among what a seed is judged on.
        judged: Which architectures each seed is judged on, [seed, n]; all unless given.
        minus: Scores that are subtracted seed by seed, [seed, n]; none unless given.

    Returns:
        The sample.
    """
    if judged is None or judged.all():
        part = case.select(name)
        sample = case.sample(metric, rows, part)
        return sample if minus is None else subtract(sample, case.sample(metric, minus, part))
    samples, places = [], []
    for seed, mask in enumerate(judged):
        own = case.within(mask)
        part = own.select(name)
        sample = own.sample(metric, rows[seed : seed + 1, mask], part)
        if minus is not None:
            sample = subtract(sample, own.sample(metric, minus[seed : seed + 1, mask], part))
        samples.append(sample)
        kept = np.flatnonzero(mask)[part.mask]
        if sample.metric.share is not None and len(kept):
            kept = kept[top_share(case.truth[kept], sample.metric.share)]
        places.append(kept)
    return _join(samples, places, len(case.truth))


def _join(samples: Sequence[Sample], places: Sequence[IntArray], n: int) -> Sample:
    """Join samples of one seed each; their parts stand at the places of their architectures."""
    first = samples[0]
    status = next((s.status for s in samples if s.status != "ok"), "ok")
    parts = None
    if first.metric.method is Method.INFLUENCE and all(s.parts is not None for s in samples):
        parts = np.zeros((len(samples), n))
        for row, sample, at in zip(parts, samples, places, strict=True):
            assert sample.parts is not None
            row[at] = sample.parts[0]
    return replace(
        first,
        values=np.concatenate([s.values for s in samples]) if status == "ok" else np.zeros(0),
        status=status,
        n=min(s.n for s in samples),
        n_drawn=min(s.n_drawn for s in samples),
        parts=parts if status == "ok" else None,
    )


def truth_se_of_seeds(
    case: Case,
    rows: FloatArray,
    name: str,
    judged: BoolArray | None = None,
    minus: FloatArray | None = None,
) -> float | None:
    """Compute the truth's noise in a mean tau, or in the difference of two; None unknown.

    Of seeds on architectures of their own it is the root of their mean square: the noise of the
    truth is the same for all.
    """
    if judged is None or judged.all():
        return case.truth_se(case.select(name), rows, minus)
    found = []
    for seed, mask in enumerate(judged):
        own, one = case.within(mask), slice(seed, seed + 1)
        other = None if minus is None else minus[one, mask]
        found.append(own.truth_se(own.select(name), rows[one, mask], other))
    known = [se for se in found if se is not None]
    if len(known) < len(found):
        return None
    return math.sqrt(float(np.mean(np.square(known))))
