"""The networks: the weight-sharing supernet, and one architecture on its own.

Both are the same chain (stem, eight blocks, head, classifier) that holds either every choice of
each block or those of one architecture. Activations are [batch, channel, height, width].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from harness.spaces.macro.cost import (
    STEM_KERNEL,
    Layer,
    head_channels,
    places,
    stem_channels,
)
from harness.spaces.macro.encoding import BLOCKS, Arch, weighted_choices
from harness.spaces.values import NetworkShape
from harness.supernet.base import SideBySide, SuperNet
from harness.supernet.layers import Classifier, ConvBN, Tap, name_layers
from harness.supernet.norm import Norm, batch_norm
from harness.supernet.weights import initialise


class Block(nn.Module):
    """One choice of one block: an inverted residual, or the identity that changes the shape.

    Batch norm follows each convolution, and ReLU each but the last.

    Reference: Sandler et al., MobileNetV2, 2018, arXiv 1801.04381, section 3.3, with ReLU.
    """

    def __init__(self, layers: Sequence[Layer], affine: bool) -> None:
        """Make the weights, uninitialised."""
        super().__init__()
        self.convs = nn.ModuleList(
            ConvBN(each.inputs, each.outputs, each.kernel, each.stride, affine, groups=each.groups)
            for each in layers
        )
        keeps_size = all(each.stride == 1 for each in layers)
        self.is_residual = keeps_size and layers[0].inputs == layers[-1].outputs

    def forward(self, x: Tensor, norm: Norm, tap: Tap | None) -> Tensor:
        """Compute the block's output."""
        y = x
        for place, conv in enumerate(self.convs):
            y = conv(F.relu(y) if place else y, norm, tap)
        return x + y if self.is_residual else y


class MacroNet(SuperNet):
    """The supernet: one set of weights for every (block, choice); or the network of one path.

    An architecture is computed as it was trained in the benchmark (`Arch.trained_as`), so that its
    strings give the same bits. In the supernet, batch norm of the blocks has no affine parameters;
    no batch norm keeps running statistics.

    Reference: Guo et al., Single Path One-Shot NAS, 2019, arXiv 1904.00420, on the space of Su et
    al., 2021, arXiv 2103.11922.
    """

    searchable_parts = ("blocks",)
    float32_parts = ("head", "classifier")

    def __init__(
        self,
        shape: NetworkShape,
        weighted: Iterable[tuple[int, int]],
        affine: bool,
        run_seed: int,
    ) -> None:
        """Make and initialise a network.

        Args:
            shape: Its size.
            weighted: The (block, choice) pairs to hold.
            affine: Whether batch norm of the blocks has a learned scale and shift.
            run_seed: The seed; equal seeds give equal initial weights.
        """
        super().__init__()
        at = places(shape)
        self.stem = ConvBN(shape.image_channels, stem_channels(shape), STEM_KERNEL, 1, affine=True)
        self.blocks = nn.ModuleDict(
            {
                _block_key(place, choice): Block(at[place].layers(choice), affine)
                for place, choice in weighted
            }
        )
        self.head = ConvBN(at[-1].outputs, head_channels(shape), 1, 1, affine=True)
        self.classifier = Classifier(head_channels(shape), shape.classes)
        name_layers(self)
        initialise(self, (run_seed,))

    def forward(
        self, images: Tensor, arch: Arch, norm: Norm = batch_norm, tap: Tap | None = None
    ) -> Tensor:
        """Compute the logits of one path."""
        x = F.relu(self.stem(images, norm, tap))
        for pair in arch.trained_as.weighted:
            x = self.blocks[_block_key(*pair)](x, norm, tap)
        return self._finish(x, norm, tap)

    def _finish(self, x: Tensor, norm: Norm, tap: Tap | None) -> Tensor:
        """Return logits of the last block's output; head and all after it are in float32."""
        x = x.to(self.head.weight.dtype)
        return self.classify(F.relu(self.head(x, norm, tap)).mean(dim=(2, 3)), tap)

    def share(self, images: Tensor) -> Callable[[Arch], Tensor]:
        """Compute the stem once, and the blocks that an architecture begins with as the last did.

        That keeps one activation of each block at a time.
        """
        pairs: list[tuple[int, int]] = []
        outputs = [F.relu(self.stem(images, batch_norm, None))]

        def compute(arch: Arch) -> Tensor:
            wanted = arch.trained_as.weighted
            n = _count_common(pairs, wanted)
            del pairs[n:], outputs[n + 1 :]
            for pair in wanted[n:]:
                outputs.append(self.blocks[_block_key(*pair)](outputs[-1], batch_norm, None))
                pairs.append(pair)
            return self._finish(outputs[-1], batch_norm, None)

        return compute

    def order(self, archs: Iterable[Arch]) -> list[Arch]:
        """Put architectures that begin alike after one another."""
        return sorted(archs, key=lambda arch: arch.trained_as.blocks)


def _block_key(place: int, choice: int) -> str:
    return f"{place}_{BLOCKS[choice]}"


def _count_common(pairs: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> int:
    """Count the pairs that two sequences begin with alike."""
    differs = (n for n, (a, b) in enumerate(zip(pairs, others, strict=False)) if a != b)
    return next(differs, min(len(pairs), len(others)))


@dataclass(frozen=True)
class MacroNetworks:
    """Makes the networks of one size."""

    shape: NetworkShape

    def supernet(self, run_seed: int) -> MacroNet:
        """Make a supernet; equal seeds give equal initial weights."""
        return MacroNet(self.shape, weighted_choices(), affine=False, run_seed=run_seed)

    def standalone(self, arch: Arch, run_seeds: Sequence[int]) -> SideBySide:
        """Make networks of one architecture, one for each seed."""
        own = arch.trained_as.weighted
        return SideBySide(lambda seed: MacroNet(self.shape, own, True, seed), arch, run_seeds)
