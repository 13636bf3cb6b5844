"""How much of tau's error comes from the images that architectures were scored on.

Axis letters: g groups of images, n architectures.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from harness.stats.correlation import kendall_tau

FloatArray = npt.NDArray[np.float64]

MIN_GROUPS = 5
"""Fewer groups say too little about their own spread."""

_SPLITS = 8
"""Splits into halves; each costs two taus."""


class ImageError(NamedTuple):
    """Tau of scores on a sample of images, and its likely distance from tau on all images.

    Attributes:
        tau: -1 to 1; None if undefined.
        se: Standard error from the images, for these architectures; +-2 se covers 95%. None if
            unknown: too few groups, or tau is undefined without one of them.
    """

    tau: float | None
    se: float | None


def image_error_of_tau(
    losses: npt.ArrayLike, sizes: npt.ArrayLike, truth: npt.ArrayLike
) -> ImageError:
    """Estimate by a delete-group jackknife how tau varies with the images.

    The score of an architecture is minus its mean loss over all images; the groups are those
    that were normalised together. The error has three parts:

    - the jackknife's: each group is left out in turn, V = (g-1)/g sum (tau_k - mean tau_k)^2;
    - a factor for few groups, Student's 97.5% quantile with g-1 degrees of freedom divided by the
      normal one;
    - the bias: noise in scores lowers tau, and more so on fewer images. As it falls with
      1/images, b = (mean tau of halves - tau), over fixed random splits into halves. (The
      jackknife's own estimate, from leaving out one group, is several times as noisy.)

    SE = factor sqrt(V + b^2). Architectures are fixed, so the error excludes the draw of
    architectures. Images are treated as drawn from an infinite pool: with a share f of a finite
    pool used, the error against the whole pool is smaller by about sqrt(1 - f), a factor that is
    not applied.

    Args:
        losses: Summed loss of each group, finite, [g, n].
        sizes: Images of each group, [g].
        truth: Ground truth, [n].

    Returns:
        Tau of the scores on all groups, and the error.

    Reference:
        Kott, The delete-a-group jackknife, Journal of Official Statistics 2001. Factor and bias
        are ours: simulations without them (tests/unit/stats/test_jackknife.py) cover 85-93%.
    """
    sums, counts = np.asarray(losses, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    everything, n_groups = np.ones(len(sums), dtype=bool), len(sums)

    def tau_on(used: npt.NDArray[np.bool_]) -> float:
        value = kendall_tau(-sums[used].sum(axis=0) / counts[used].sum(), truth).value
        return math.nan if value is None else value

    tau = tau_on(everything)
    if math.isnan(tau):
        return ImageError(None, None)
    if n_groups < MIN_GROUPS:
        return ImageError(tau, None)
    without = np.array([tau_on(everything ^ one) for one in np.eye(n_groups, dtype=bool)])
    variance = (n_groups - 1) / n_groups * float(((without - without.mean()) ** 2).sum())
    halves = np.array([tau_on(half) for half in _halves(n_groups)])
    bias = float(halves.mean()) - tau
    factor = float(stdtrit(n_groups - 1, 0.975)) / 1.96
    se = factor * math.sqrt(variance + bias**2)
    return ImageError(tau, None if math.isnan(se) else se)


def _halves(n_groups: int) -> list[npt.NDArray[np.bool_]]:
    """Split at random, reproducibly; both halves are used, so that most noise cancels."""
    rng = np.random.RandomState(n_groups)
    halves = []
    for _ in range(_SPLITS):
        half = np.zeros(n_groups, dtype=bool)
        half[rng.permutation(n_groups)[: n_groups // 2]] = True
        halves += [half, ~half]
    return halves
