"""Loss and accuracy of one path on given images."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.images.dataset import ImageData, ImageSet, iterate_batches
from harness.space.nb201 import Arch
from harness.supernet.network import SuperNet
from harness.supernet.norm import RecalibratedNorm, batch_norm


class PathScore(NamedTuple):
    """How a path did.

    Attributes:
        loss: Mean cross-entropy, nats.
        accuracy: Percent of images classified right.
    """

    loss: float
    accuracy: float


class EvaluationImages:
    """A fixed set of images, normalised once and cut into fixed batches."""

    def __init__(self, data: ImageData, images: ImageSet, batch_size: int) -> None:
        """Prepare the batches.

        Args:
            data: The data set that the images are of.
            images: The images, in a fixed order.
            batch_size: Most images a batch; batches are of nearly equal size.
        """
        self.batches: list[tuple[Tensor, Tensor]] = list(iterate_batches(data, images, batch_size))
        self.n_images = len(images)


@torch.inference_mode()
def evaluate_path(
    network: SuperNet,
    arch: Arch,
    images: EvaluationImages,
    recalibrate_on: EvaluationImages | None = None,
) -> PathScore:
    """Score one path of the supernet.

    Args:
        network: The supernet; not changed.
        arch: The path.
        images: What to score it on.
        recalibrate_on: Where to measure batch norm's statistics for this path; without it each
            batch is normalised with its own.

    Returns:
        Mean loss and accuracy over all images.
    """
    norm: RecalibratedNorm | None = None
    if recalibrate_on is not None:
        norm = RecalibratedNorm()
        for batch, _ in recalibrate_on.batches:
            network(batch, arch, norm.start_pass(measuring=True))
    loss = torch.zeros((), dtype=torch.float64, device=images.batches[0][1].device)
    correct = torch.zeros_like(loss)
    for batch, labels in images.batches:
        use = batch_norm if norm is None else norm.start_pass(measuring=False)
        logits = network(batch, arch, use)
        loss += F.cross_entropy(logits, labels, reduction="sum").double()
        correct += (logits.argmax(dim=1) == labels).sum()
    return PathScore(loss.item() / images.n_images, 100 * correct.item() / images.n_images)
