"""Loss and accuracy of one path on given images."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.images.dataset import ImageData, ImageSet, iterate_batches
from harness.spaces.values import Architecture
from harness.supernet.base import SuperNet
from harness.supernet.norm import RecalibratedNorm, batch_norm


class PathScore(NamedTuple):
    """The score of a path.

    Attributes:
        loss: Mean cross-entropy, nats.
        accuracy: Percent of images classified correctly.
    """

    loss: float
    accuracy: float


class BatchSums(NamedTuple):
    """Sums of a path's results over the images of one batch.

    Attributes:
        loss: Cross-entropy, nats.
        correct: Images classified correctly.
    """

    loss: float
    correct: int


Sums = TypeVar("Sums")
SumBatch = Callable[[Tensor, Tensor], Sums]
"""Scores what a network returns for a batch, [batch, ...], by its labels, [batch]."""


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

    def replace(self, batches: list[tuple[Tensor, Tensor]]) -> EvaluationImages:
        """Return the same with other batches."""
        other = copy.copy(self)
        other.batches = batches
        other.n_images = sum(len(labels) for _, labels in batches)
        return other

    def to_bf16(self) -> EvaluationImages:
        """Copy the images in bf16."""
        return self.replace([(batch.to(torch.bfloat16), labels) for batch, labels in self.batches])


def sum_batch(logits: Tensor, labels: Tensor) -> BatchSums:
    """Sum loss and hits over the images of a batch.

    Args:
        logits: [batch, class].
        labels: [batch].

    Returns:
        The sums.
    """
    loss = F.cross_entropy(logits, labels, reduction="sum")
    return BatchSums(loss.item(), int((logits.argmax(dim=1) == labels).sum().item()))


def evaluate_path(
    network: SuperNet,
    arch: Architecture,
    images: EvaluationImages,
    recalibrate_on: EvaluationImages | None = None,
    sum_of: SumBatch[BatchSums] = sum_batch,
) -> PathScore:
    """Score one path of the supernet.

    Args:
        network: The supernet; not changed.
        arch: The path.
        images: What to score it on.
        recalibrate_on: Where to measure batch norm's statistics for this path; without it each
            batch is normalised with its own.
        sum_of: Scores the network's outputs.

    Returns:
        Mean loss and accuracy over all images.
    """
    sums = sum_batches(network, arch, images, recalibrate_on, sum_of)
    return mean_score(sums, images.n_images)


@torch.inference_mode()
def sum_batches(
    network: SuperNet,
    arch: Architecture,
    images: EvaluationImages,
    recalibrate_on: EvaluationImages | None,
    sum_of: SumBatch[Sums],
) -> list[Sums]:
    """Score one path as `evaluate_path` does; return the sums of each batch."""
    norm: RecalibratedNorm | None = None
    if recalibrate_on is not None:
        norm = RecalibratedNorm()
        for batch, _ in recalibrate_on.batches:
            network(batch, arch, norm.start_pass(measuring=True))
    sums = []
    for batch, labels in images.batches:
        use = batch_norm if norm is None else norm.start_pass(measuring=False)
        sums.append(sum_of(network(batch, arch, use), labels))
    return sums


class SharedBatch(Generic[Sums]):
    """Scores paths on one batch, which is normalised with its own statistics.

    What paths have in common is computed once (`SuperNet.share`).
    """

    @torch.inference_mode()
    def __init__(
        self, network: SuperNet, images: Tensor, labels: Tensor, sum_of: SumBatch[Sums]
    ) -> None:
        """Compute what all paths share.

        Args:
            network: The supernet, which must not change while this is in use.
            images: [batch, channel, height, width], of the type that the network computes in.
            labels: [batch].
            sum_of: Scores the network's outputs.
        """
        self._output = network.share(images)
        self._labels = labels
        self._sum_of = sum_of

    @torch.inference_mode()
    def score(self, arch: Architecture) -> Sums:
        """Score one path; fastest in the order of `SuperNet.order`."""
        return self._sum_of(self._output(arch), self._labels)


def mean_score(sums: Iterable[BatchSums], n_images: int) -> PathScore:
    """Take the means over the images of some batches.

    Args:
        sums: Of each batch, in order, which decides the last bit.
        n_images: Images in all of them.

    Returns:
        Mean loss and accuracy.
    """
    loss, correct = 0.0, 0
    for part in sums:
        loss += part.loss
        correct += part.correct
    return PathScore(loss / n_images, 100 * correct / n_images)
