"""The naive single-path training step: what a supernet written module by module costs.

The network is the tests' reference: NCHW, float32, a module for every operation of every edge,
torch's own pooling and batch norm, and every edge of the path but `none` computed, dead or not.
Around it, the usual loop: torch's SGD over all parameters. Nothing in it is made slow on purpose;
it is what the search code of NAS-Bench-201 does, less its data loader.

In the timings gradients are zeroed for all parameters, as was usual before torch 2: momentum and
weight decay then move weights off the path too, and the optimiser works on all of them. To compare
losses, gradients are dropped instead (torch's default), which is the harness's arithmetic. The two
differ by a few percent in time.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.spaces.nb201.encoding import Arch
from harness.training.loop import Trainer
from tests.reference import NaiveNetwork, copy_weights


class NaiveStep:
    """The naive network with its optimiser, started from a trainer's weights."""

    def __init__(self, trainer: Trainer, zero_all: bool = True) -> None:
        config = trainer.config
        shape = trainer.sampler.data.network_shape(config.channels, config.cells)
        self.network = NaiveNetwork(shape, affine=False, running=False)
        copy_weights(trainer.network, self.network)
        self.network.to(trainer.device)
        self.zero_all = zero_all
        self.optimiser = torch.optim.SGD(
            self.network.parameters(),
            config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )

    def __call__(self, images: Tensor, labels: Tensor, arch: Arch) -> float:
        """Train one path on a batch; return the loss before the step."""
        self.optimiser.zero_grad(set_to_none=not self.zero_all)
        loss = F.cross_entropy(self.network(images, arch), labels)
        loss.backward()
        self.optimiser.step()
        return loss.item()


def naive_batch(trainer: Trainer, step: int) -> tuple[Tensor, Tensor]:
    """Return the trainer's own batch of a step, in the naive memory format."""
    images, labels = trainer.sampler.batch(step)
    return images.contiguous(), labels
