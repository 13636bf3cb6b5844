"""Parts of a population that a ranking is judged on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError

MIN_ARCHS = 30
"""A metric on fewer architectures is "too few", not a number."""

TOP_HALF = 0.5
TOP_10 = 0.1


def top_share(truth: npt.ArrayLike, share: float) -> npt.NDArray[np.bool_]:
    """Select the truly best share of architectures, those tied with the last one included.

    Args:
        truth: Ground truth, higher is better, [arch].
        share: How much of them, above 0 and up to 1.

    Returns:
        Whether truth is at least its (1-share) quantile, [arch].

    Raises:
        UsageError: If the share is out of range or there are no architectures.
    """
    values = np.asarray(truth, dtype=np.float64)
    if not 0.0 < share <= 1.0 or values.ndim != 1 or len(values) == 0:
        raise UsageError(
            f"The top {share} of an array of shape {values.shape} was asked for; a share is above "
            "0 and up to 1, and the array [arch] is not empty. Correct either."
        )
    return np.asarray(values >= np.quantile(values, 1.0 - share), dtype=np.bool_)
