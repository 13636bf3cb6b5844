"""Ranking in bf16, where it ranks as float32 does.

On processors and GPUs that compute in bf16 an architecture takes half the time. Its numbers have 8
bits, so a sample of architectures is scored both ways first; where the two do not agree, float32 is
used.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from harness.estimators.supernet.measuring import EvaluationImages
from harness.stats import kendall_tau

MIN_TAU = 0.99
"""Between the scores in bf16 and those in float32."""

N_CHECKED = 256
"""Classes scored both ways, on the first batch: the worst case, as a batch more averages out."""


def images_to_bf16(images: EvaluationImages) -> EvaluationImages:
    """Copy images in bf16."""
    return images.replace([(batch.to(torch.bfloat16), labels) for batch, labels in images.batches])


def agreement(losses: Sequence[float], losses_bf16: Sequence[float]) -> float | None:
    """Return tau-b between two lists of losses of the same architectures.

    Returns:
        -1 to 1; None where it is undefined or a loss is not finite.
    """
    if not torch.tensor([*losses, *losses_bf16], dtype=torch.float64).isfinite().all():
        return None
    return kendall_tau(losses, losses_bf16).value
