"""Seeds that are each evaluated on their own set of architectures.

An estimator is not evaluated on architectures whose truth it was fitted to, and these may differ
between its seeds. So each seed, and whatever it is compared with, is evaluated on the architectures
that the seed has not seen, and the results are averaged. Axis letters: seed; n, all architectures.
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
    """Compute a metric, or the paired difference of two, for every seed.

    Args:
        case: All architectures.
        metric: Key of `METRICS`.
        rows: Scores, [seed, n].
        name: The population, selected among the architectures that a seed is evaluated on.
        judged: Architectures that each seed is evaluated on, [seed, n]; all by default.
        minus: Scores to subtract seed by seed, [seed, n]; none by default.

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
    """Join samples of one seed each; parts are placed at the positions of their architectures."""
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
    """Compute the truth's noise in a mean tau or a difference of two; None if unknown.

    For seeds with their own architectures it is the root mean square over seeds, because the noise
    of the truth is common to all.
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
