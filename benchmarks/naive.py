"""The naive single-path training step: what a supernet written module by module costs.

The network is the tests' reference: NCHW, a module for every operation of every edge, every edge
of the path but `none` computed, dead or not. Around it, the usual loop: torch's SGD over all
parameters. Gradients are dropped rather than zeroed, torch's default, which favours it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.space.cost import NetworkShape
from harness.space.nb201 import Arch
from harness.supernet.network import SuperNet
from tests.reference import NaiveNetwork, copy_weights

LR, MOMENTUM, WEIGHT_DECAY = 0.025, 0.9, 5e-4


class TrainingStep:
    """A network, its optimiser, and one batch to step on again and again."""

    def __init__(self, network: nn.Module, images: Tensor, labels: Tensor) -> None:
        self.network = network
        self.images = images
        self.labels = labels
        self.optimiser = torch.optim.SGD(
            network.parameters(), LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        )

    def __call__(self, arch: Arch) -> float:
        """Train one path on the batch; return the loss before the step."""
        self.optimiser.zero_grad()
        loss = F.cross_entropy(self.network(self.images, arch), self.labels)
        loss.backward()
        self.optimiser.step()
        return loss.item()


def make_steps(shape: NetworkShape, batch_size: int) -> tuple[TrainingStep, TrainingStep]:
    """Make the harness's step and the naive one, of equal weights and equal random images."""
    generator = torch.Generator().manual_seed(0)
    size = (batch_size, shape.image_channels, shape.image_size, shape.image_size)
    images = torch.randn(size, generator=generator)
    labels = torch.randint(0, shape.classes, (batch_size,), generator=generator)
    ours = SuperNet(shape, run_seed=0)
    naive = NaiveNetwork(shape, affine=False, running=False)
    copy_weights(ours, naive)
    last = images.contiguous(memory_format=torch.channels_last)
    return TrainingStep(ours, last, labels), TrainingStep(naive, images, labels)
