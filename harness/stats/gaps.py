"""How large a true difference has to be before the ranking resolves it.

A gap is a difference of two truths, in their unit: percentage points, of accuracy. Bins and
resolution are those of truths that span 1 to 100; of another range they are a power of ten as wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.seeding import draw_places
from harness.stats.correlation import FloatArray, IntArray, check_pair, dense_ranks
from harness.stats.populations import MIN_ARCHS, BoolArray

GAP_EDGES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Bins: above one edge, up to and including the next; the last has no upper edge."""

RELIABLE = 0.9
MOST_COMPARED = 20_000
"""Of more architectures the pairs of so many are counted, as their number grows with the square."""
MIN_PAIRS = MIN_ARCHS * (MIN_ARCHS - 1) // 2
"""Pairs of the fewest architectures that are not "too few"; the reliable gap needs as many."""

_UNITS = 1_000_000  # 1 (a percentage point) in units of truth's rounding, so that gaps are exact
_STEP = 10_000  # 0.01 points in these units: the resolution
_STEPS_PER_POINT = _UNITS // _STEP
_MAX_RANGE = 100.0
_ROWS = 64
_ROUNDING = 1e-9


@dataclass(frozen=True)
class GapBin:
    """Pairs of architectures of similar gap.

    Attributes:
        low: Gaps are above this, in the unit of truth.
        high: Gaps are at most this; None for no limit.
        n_pairs: Number of pairs, mean over seeds, rounded down.
        concordant: Share of pairs that the score orders as the truth does, 0 to 1, equal scores
            counting half; None without pairs.
    """

    low: float
    high: float | None
    n_pairs: int
    concordant: float | None


@dataclass(frozen=True)
class GapCurve:
    """Concordance by the size of the true difference.

    Attributes:
        bins: From the smallest gaps to the largest.
        n_tied: Pairs of equal truth, which are in none of the bins.
        reliable_gap: The smallest gap, in steps of 0.01 points, beyond which at least 90% of the
            pairs *of each size* are concordant, by the non-decreasing curve that fits best (least
            squares over pairs). Pooled over all larger gaps, the easy pairs of the bad tail would
            hide the hard ones. None if no gap with at least 435 pairs beyond it qualifies.
        n_archs: Architectures whose pairs are counted, the fewest of any seed.
        is_sample: Whether some seed has more, of which `MOST_COMPARED` were drawn.
    """

    bins: tuple[GapBin, ...]
    n_tied: int
    reliable_gap: float | None
    n_archs: int
    is_sample: bool

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "bins": [dict(vars(part)) for part in self.bins],
            "n_tied": self.n_tied,
            "reliable_gap": self.reliable_gap,
            "n_archs": self.n_archs,
            "is_sample": self.is_sample,
        }


def concordance_by_gap(
    scores: npt.ArrayLike, truth: npt.ArrayLike, judged: BoolArray | None = None
) -> GapCurve:
    """Compute the share of concordant pairs by true gap, over all n(n-1)/2 pairs.

    Of more than 20,000 architectures, it is that of the pairs of 20,000 drawn by a fixed seed.

    It describes these pairs and has no interval, because pairs share architectures.

    Args:
        scores: Estimates, higher is better, [n], or [seed, n] for the mean over seeds.
        truth: Ground truth, higher is better, [n]; differences under 1e-6 of its power of ten are
            ties.
        judged: Architectures that each seed is evaluated on, [seed, n]; all by default.

    Returns:
        The curve.

    Raises:
        UsageError: If the shapes do not fit, or a value is not finite.

    Reference:
        Barlow et al., Statistical inference under order restrictions, 1972 (the monotone curve).
    """
    rows = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    pairs = [check_pair(row, truth) for row in rows]
    truths = np.asarray(truth, dtype=np.float64)
    scale = _find_scale(truths)
    truths = truths / scale
    counts, n_archs, is_sample = np.zeros((3, 1), dtype=np.int64), len(truths), False
    for number, (row, _) in enumerate(pairs):
        places = np.arange(len(truths)) if judged is None else np.flatnonzero(judged[number])
        own = places[draw_places(len(places), MOST_COMPARED, "pairs by gap")]
        n_archs, is_sample = min(n_archs, len(own)), is_sample or len(own) < len(places)
        of_row = _count_by_gap(row[own], truths[own])
        short, long = sorted((counts, of_row), key=lambda each: each.shape[1])
        counts = long.copy()
        counts[:, : short.shape[1]] += short
    bins, n_tied, reliable_gap = _summarise(counts, len(pairs), scale)
    return GapCurve(bins, n_tied, reliable_gap, n_archs, is_sample)


def _find_scale(truths: FloatArray) -> float:
    """Return the power of ten that brings the range of truth to 10 to 100; 1 if it is 1 to 100."""
    spread = float(truths.max() - truths.min()) if len(truths) else 0.0
    if spread == 0.0 or 1.0 <= spread <= _MAX_RANGE:
        return 1.0
    return float(10.0 ** math.ceil(math.log10(spread / _MAX_RANGE)))


def _count_by_gap(scores: FloatArray, truths: FloatArray) -> npt.NDArray[np.int64]:
    """Count discordant, tied and concordant pairs, [3, step]; equal truths are in step 0.

    Pairs of step s > 0 have a gap above s-1 and up to s hundredths of a point.
    """
    if len(scores) == 0:
        return np.zeros((3, 1), dtype=np.int64)
    order = np.argsort(truths, kind="stable")
    units = np.rint((truths[order] - truths[order[0]]) * _UNITS).astype(np.int64)
    # ceil(gap / step) is the difference of whole steps, and one more if that of the rests is above
    # 0. Three verdicts a step fit into 16 bits.
    steps, rests = (part.astype(np.int16) for part in np.divmod(units, _STEP))
    ranks = dense_ranks(scores[order])
    ranks = ranks.astype(np.min_scalar_type(len(ranks)))
    n_steps = -(-int(units[-1]) // _STEP) + 1
    counts = np.zeros(3 * n_steps, dtype=np.int64)
    upper = np.triu_indices(_ROWS, 1)
    for start in range(0, len(units), _ROWS):
        # In order of truth: only pairs with a later item; the square's lower half is left out.
        rows, rest = slice(start, start + _ROWS), slice(start, None)
        code = 3 * steps[None, rest] - 3 * steps[rows, None]
        code += np.int16(3) * (rests[None, rest] > rests[rows, None])
        code += ranks[None, rest] > ranks[rows, None]
        code += ranks[None, rest] >= ranks[rows, None]
        n_rows = len(code)
        square = code[:, :n_rows][upper if n_rows == _ROWS else np.triu_indices(n_rows, 1)]
        counts += np.bincount(code[:, n_rows:].ravel(), minlength=len(counts))
        counts += np.bincount(square, minlength=len(counts))
    return counts.reshape(n_steps, 3).T.copy()


def _summarise(
    counts: IntArray, n_seeds: int, scale: float
) -> tuple[tuple[GapBin, ...], int, float | None]:
    """Return the bins, the tied pairs and the reliable gap."""
    pairs, concordant = counts.sum(axis=0), counts[2] + counts[1] / 2.0
    edges = [round(edge * _STEPS_PER_POINT) for edge in GAP_EDGES]
    bins = []
    for number, low in enumerate(edges):
        high = edges[number + 1] if number + 1 < len(edges) else len(pairs)
        n = int(pairs[low + 1 : high + 1].sum())
        share = float(concordant[low + 1 : high + 1].sum()) / n if n else None
        last = number + 1 == len(edges)
        upper = None if last else GAP_EDGES[number + 1] * scale
        bins.append(GapBin(GAP_EDGES[number] * scale, upper, n // n_seeds, share))
    reliable = _reliable_gap(pairs[1:] / n_seeds, concordant[1:] / n_seeds)
    reliable = None if reliable is None else reliable * scale
    return tuple(bins), int(pairs[0]) // n_seeds, reliable


def _reliable_gap(n_pairs: FloatArray, concordant: FloatArray) -> float | None:
    filled = np.flatnonzero(n_pairs)
    if len(filled) == 0:
        return None
    from scipy.optimize import isotonic_regression  # takes most of a second to import

    weights = n_pairs[filled]
    fit = isotonic_regression(concordant[filled] / weights, weights=weights).x
    beyond = np.cumsum(n_pairs[::-1])[::-1][filled]
    # A fit of exactly 0.9 is a mean of many numbers, each rounded by about 1e-16.
    reliable = np.flatnonzero((beyond >= MIN_PAIRS) & (fit >= RELIABLE - _ROUNDING))
    return int(filled[reliable[0]]) / _STEPS_PER_POINT if len(reliable) else None
