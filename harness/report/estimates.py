"""A figure over training seeds: its mean, its spread, and the interval that it may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats import DIFFERENCE_LIMITS, Interval, Tau, combined, over_seeds


@dataclass(frozen=True)
class Estimate:
    """A figure over training seeds.

    Attributes:
        mean: Mean over the seeds that have it; None if none has.
        values: One a seed, in the order of the row's seeds; None where a seed lacks it.
        sd: Spread over seeds; None for one seed.
        interval: 95%, [low, high]; None where there is none.
    """

    mean: float | None
    values: tuple[float | None, ...]
    sd: float | None = None
    interval: tuple[float, float] | None = None


def over_seeds_estimate(values: Sequence[float | None]) -> Estimate:
    """Estimate the mean of any figure over seeds, leaving out the seeds that lack it."""
    found = [value for value in values if value is not None]
    if not found:
        return Estimate(None, tuple(values))
    sd = float(np.std(found, ddof=1)) if len(found) > 1 else None
    return Estimate(float(np.mean(found)), tuple(values), sd, _ends(over_seeds(found)))


def paired_tau_estimate(pairs: Sequence[tuple[Tau | None, Tau | None]]) -> Estimate:
    """Estimate a difference of taus, paired by seed and by architecture.

    Args:
        pairs: Both taus of each seed, over the same architectures.

    Returns:
        The estimate; its interval is over seeds and architectures, for one seed over
        architectures alone.
    """
    values = [subtract(value_of(a), value_of(b)) for a, b in pairs]
    plain = over_seeds_estimate(values)
    found = [value for value in values if value is not None]
    influences = [a.influence - b.influence for a, b in pairs if a is not None and b is not None]
    if not pairs or len(found) < len(pairs) or len(influences) < len(pairs):
        return plain
    interval = combined(found, influences, limits=DIFFERENCE_LIMITS)
    return Estimate(plain.mean, plain.values, plain.sd, _ends(interval))


def tau_estimate(taus: Sequence[Tau | None], interval_of_one: Interval | None) -> Estimate:
    """Estimate a tau over seeds that ranked the same architectures.

    Args:
        taus: One a seed; None where it is undefined.
        interval_of_one: The interval over architectures of the first tau, used if it is the
            only one.

    Returns:
        The estimate; its interval is over seeds and architectures.
    """
    plain = over_seeds_estimate([value_of(tau) for tau in taus])
    found = [tau for tau in taus if tau is not None and tau.value is not None]
    if len(found) < len(taus):
        return plain
    if len(found) == 1:  # Fisher's z for few architectures is worked out there
        return Estimate(plain.mean, plain.values, None, _ends(interval_of_one))
    values = [tau.value for tau in found if tau.value is not None]
    interval = combined(values, [tau.influence for tau in found])
    return Estimate(plain.mean, plain.values, plain.sd, _ends(interval))


def value_of(tau: Tau | None) -> float | None:
    """Return the number, or None where there is none."""
    return None if tau is None else tau.value


def subtract(a: float | None, b: float | None) -> float | None:
    """Subtract figures of which either may be missing."""
    return None if a is None or b is None else a - b


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)
