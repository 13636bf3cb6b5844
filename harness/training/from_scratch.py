"""Training networks from scratch: the one loop behind truth tables and short trainings.

Axes: epoch; step; network, those of one architecture that are trained side by side; image;
class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.images.dataset import BatchSampler, ImageData, ImageSet, iterate_batches
from harness.supernet.base import Standalone

EVALUATION_BATCH = 1_000


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images a step.
        max_lr: Peak of the one-cycle learning rate schedule, which begins at a 25th of it.
        momentum: Nesterov momentum.
        weight_decay: L2 penalty on all parameters.
        warmup: Share of the steps before the peak.
        augment: Whether images are cropped and flipped, where the data set allows it.
        precision: Number format of activations and gradients; weights and evaluations are float32.
    """

    epochs: int
    batch_size: int = 64
    max_lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.3
    augment: bool = True
    precision: Literal["float32", "bf16"] = "float32"


class SoftLabels(NamedTuple):
    """A teacher's answers, which replace a part of the loss.

    The loss of an image is (1 - alpha) CE(label, z) + alpha T^2 KL(softmax(t / T), softmax(z / T)).

    Reference: Hinton, Vinyals & Dean, Distilling the Knowledge in a Neural Network, 2015,
    arXiv 1503.02531, section 2.

    Attributes:
        logits: t, of every training image as it is, without augmentation, [image, class].
        alpha: Weight of the teacher, 0 to 1.
        temperature: T.
    """

    logits: Tensor
    alpha: float
    temperature: float


class Measured(NamedTuple):
    """What networks make of images.

    Attributes:
        accuracy: Percent, [network].
        loss: Mean cross-entropy, nats, [network].
    """

    accuracy: list[float]
    loss: list[float]


def train(
    network: Standalone,
    seeds: Sequence[int],
    recipe: Recipe,
    data: ImageData,
    after_epoch: Callable[[], None] = lambda: None,
    taught: SoftLabels | None = None,
) -> Tensor:
    """Train networks to the end, each on batches of its own.

    Args:
        network: The networks, on the device of the images.
        seeds: Of each one's batches and augmentation, [network].
        recipe: How.
        data: The images.
        after_epoch: Called after each epoch, with the network in training mode.
        taught: A teacher's answers.

    Returns:
        The mean of the training losses of each epoch's steps, [epoch, network], as they are
        minimised. A step's is not finite once a training has diverged.
    """
    samplers = [BatchSampler(data, recipe.batch_size, seed, recipe.augment) for seed in seeds]
    steps_each = samplers[0].batches_per_epoch
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=recipe.max_lr,
        momentum=recipe.momentum,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        foreach=True,
    )
    n_steps = max(3, recipe.epochs * steps_each)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        recipe.max_lr,
        total_steps=n_steps,
        # The schedule divides by the steps before the peak and after it.
        pct_start=min(max(recipe.warmup, 2 / n_steps), 1 - 1 / n_steps),
        cycle_momentum=False,
    )
    device = data.train.labels.device.type
    means = []
    for epoch in range(recipe.epochs):
        seen = []
        for step in range(epoch * steps_each, (epoch + 1) * steps_each):
            batches = [sampler.batch(step) for sampler in samplers]
            with torch.autocast(device, torch.bfloat16, recipe.precision == "bf16"):
                logits = network(torch.cat([images for images, _ in batches], dim=1))
            logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
            labels = torch.stack([labels for _, labels in batches], dim=1)
            # A sum over networks: each gets the gradient of its own mean loss over the batch.
            losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none").mean(dim=0)
            if taught is not None:
                chosen = torch.stack([sampler.chosen(step) for sampler in samplers], dim=1)
                losses = _soften(losses, logits, taught, chosen)
            optimizer.zero_grad()
            losses.sum().backward()
            optimizer.step()
            schedule.step()
            seen.append(losses.detach())
        means.append(torch.stack(seen).mean(dim=0))
        after_epoch()
    return torch.stack(means)


def _soften(losses: Tensor, logits: Tensor, taught: SoftLabels, chosen: Tensor) -> Tensor:
    """Mix losses on labels, [network], with those on a teacher's answers to `chosen` images."""
    t = taught.temperature
    divergence = F.kl_div(
        F.log_softmax(logits / t, dim=2),
        F.log_softmax(taught.logits[chosen] / t, dim=2),
        reduction="none",
        log_target=True,
    )
    return (1 - taught.alpha) * losses + taught.alpha * t**2 * divergence.sum(dim=2).mean(dim=0)


@torch.no_grad()
def measure(network: Standalone, data: ImageData, images: ImageSet) -> Measured:
    """Measure networks on images, with the running statistics of batch norm."""
    was_training = network.training
    network.eval()
    device = images.labels.device
    correct = torch.zeros(network.networks, dtype=torch.int64, device=device)
    loss = torch.zeros(network.networks, dtype=torch.float64, device=device)
    for batch, labels in iterate_batches(data, images, EVALUATION_BATCH):
        logits = network(batch.repeat(1, network.networks, 1, 1))
        targets = labels[:, None].expand(-1, network.networks)
        correct += (logits.argmax(dim=2) == targets).sum(dim=0)
        loss += F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").sum(dim=0)
    network.train(was_training)
    n = len(images)
    return Measured([100 * count / n for count in correct.tolist()], (loss / n).tolist())
