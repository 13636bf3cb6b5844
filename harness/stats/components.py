"""Where the uncertainty of a tau, or of a paired difference of two, comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from harness.stats.intervals import (
    FISHER_BELOW,
    OVER_SEEDS,
    Interval,
    around,
    finite_factor,
    normal_quantile,
)
from harness.stats.samples import Sample, interval_to_dict


@dataclass(frozen=True)
class Components:
    """Standard errors of a mean over seeds, by cause.

    Attributes:
        seeds_se: Over training seeds; None for one seed, whose spread is unknown.
        architectures_se: Over the draw of architectures, beyond what `seeds_se` already covers; 0
            if the whole population was ranked.
        truth_se: From the noise of the truth, for this value; None without a noise model.
        truth_beyond_se: The part of `truth_se` that `architectures_se` does not cover: a sample's
            scatter includes the noise of its own truths, and only the noise of the whole
            population's truth is added. Its square is truth_se^2 * n/population.
        shares: Each known component's share of the total variance, 0 to 1, keyed "seeds",
            "architectures" and "truth"; empty if the total is 0.
        total_se: The root of the sum of squares of the known components.
        interval: 95%, over all known components, named in its `over`: the range expected if the
            truth were retrained, the architectures redrawn and the seeds changed. None if no
            component is known, or the metric has no interval over architectures.
    """

    seeds_se: float | None
    architectures_se: float | None
    truth_se: float | None
    truth_beyond_se: float | None
    shares: dict[str, float]
    total_se: float
    interval: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return dict(vars(self)) | {"interval": self.interval and interval_to_dict(self.interval)}


def decompose(sample: Sample, truth_se: float | None = None) -> Components | None:
    """Split the variance of a sample's mean.

    Args:
        sample: A metric, or a paired difference.
        truth_se: The truth's noise in it, as `truth_noise_se` gives it; None if unknown.

    Returns:
        The components; None if the sample has no value.
    """
    value, found = sample.value, sample.uncertainty
    if value is None:
        return None
    drawn = 1.0 - finite_factor(sample.n_drawn, sample.population)
    beyond = None if truth_se is None else truth_se * math.sqrt(drawn)
    parts = {
        "seeds": found.seeds_se,
        "architectures": found.architectures_se,
        "truth": beyond,
    }
    known = {name: se for name, se in parts.items() if se is not None}
    total = math.hypot(*known.values())
    interval = None
    if found.architectures_se is not None and (found.seeds_se is not None or total > 0.0):
        half = math.hypot(found.half_width(0.975), normal_quantile(0.975) * (beyond or 0.0))
        over = _join([name for name in known if name != "architectures" or sample.left > 0.0])
        n_archs = FISHER_BELOW if over == OVER_SEEDS else sample.n_drawn
        interval = around(value, half, total, over, sample.limits, n_archs)
    return Components(
        seeds_se=found.seeds_se,
        architectures_se=found.architectures_se,
        truth_se=truth_se,
        truth_beyond_se=beyond,
        shares={name: (se / total) ** 2 for name, se in known.items()} if total > 0.0 else {},
        total_se=total,
        interval=interval,
    )


def _join(names: list[str]) -> str:
    """Return names as in `OVER_BOTH`, such as "seeds, architectures and truth"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
