"""A space without end: chains of any length, of convolutions and of places that change nothing.

The n-th convolution of a chain has the n-th of four shared weights, and the fifth the first again.
Places that change nothing (`-`) decide nothing: `k-k` is the same as `kk`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import ArchError
from harness.spaces.kinds import Unbounded
from harness.spaces.values import Cost, NetworkShape, Trait
from harness.supernet.base import SideBySide, SuperNet
from harness.supernet.layers import Classifier, ConvBN, Tap, name_layers
from harness.supernet.norm import Norm, batch_norm
from harness.supernet.weights import initialise

N_WEIGHTS = 4
KERNELS = {"k": 3, "i": 1}
EMPTY = "-"


class Endless(Unbounded):
    """Chains, as strings of `k` (3x3 convolution), `i` (1x1) and `-` (nothing)."""

    name = "endless"

    def parse(self, text: str) -> str:
        """Check the letters."""
        if not text or set(text) - {*KERNELS, EMPTY}:
            raise ArchError(f"'{text:.40}' is not a chain. The form is 'k-ik', of k, i and -.")
        return text

    def format(self, arch: str) -> str:
        """Return the string, which the architecture is."""
        return arch

    def draw(self, rng: np.random.RandomState) -> str:
        """Draw a chain, a longer one half as often as the one that it begins with."""
        letters = (*KERNELS, EMPTY)
        return "".join(letters[rng.randint(3)] for _ in range(rng.geometric(0.4)))

    def canonical(self, arch: str) -> str:
        """Leave out what changes nothing."""
        return arch.replace(EMPTY, "") or EMPTY

    def identity(self, arch: str) -> str:
        """Leave out what changes nothing."""
        return self.canonical(arch)

    def is_live(self, arch: str) -> bool:
        """Say yes: a chain cannot be cut."""
        return True

    def weights(self, arch: str) -> frozenset[Hashable]:
        """Return the weights used, as (number, letter)."""
        return frozenset(weights_of(arch))

    def cost(self, arch: str, shape: NetworkShape) -> Cost:
        """Count stem, convolutions (parameters of distinct ones alone) and classifier."""
        c, pixels = shape.channels, math.prod(shape.image_pixels(1))
        stem, head = 9 * shape.image_channels * c, c * shape.classes
        sizes = [KERNELS[letter] ** 2 * c * c for _, letter in weights_of(arch)]
        distinct = [KERNELS[letter] ** 2 * c * c for _, letter in set(weights_of(arch))]
        params = stem + 2 * c + sum(distinct) + 2 * c * len(distinct) + head + shape.classes
        flops = (stem + sum(sizes)) * pixels + head
        return Cost(params, flops, params, flops)

    def shape(self, dataset: str) -> NetworkShape:
        """Return the tiny networks, whatever the data set."""
        return NetworkShape(channels=4, cells=1, image_size=16, image_channels=1, classes=37)

    def networks(self, shape: NetworkShape) -> EndlessNetworks:
        """Return what makes the networks."""
        return EndlessNetworks(shape)

    @cached_property
    def traits(self) -> Mapping[str, Trait]:
        """Short chains; one of each identity. Nobody knows how many there are."""
        return {
            "short": Trait("chains of at most three places", lambda arch: len(arch) <= 3),
            "one_per_class": Trait(
                "one chain of each network",
                lambda arch: self.key(self.identity(arch)),
                is_partition=True,
            ),
        }


def weights_of(arch: str) -> list[tuple[int, str]]:
    """Return the weight of each convolution of a chain, as (number, letter)."""
    convs = [letter for letter in arch if letter in KERNELS]
    return [(place % N_WEIGHTS, letter) for place, letter in enumerate(convs)]


class EndlessNetworks(NamedTuple):
    """Makes the networks of one size."""

    shape: NetworkShape

    def supernet(self, run_seed: int) -> EndlessNet:
        """Make a supernet."""
        weights = [(number, letter) for number in range(N_WEIGHTS) for letter in KERNELS]
        return EndlessNet(self.shape, weights, False, run_seed)

    def standalone(self, arch: str, run_seeds: Sequence[int]) -> SideBySide:
        """Make networks of one chain, which shares weights with itself from the fifth one on."""
        weights = list(dict.fromkeys(weights_of(arch)))
        return SideBySide(lambda seed: EndlessNet(self.shape, weights, True, seed), arch, run_seeds)


class EndlessNet(SuperNet):
    """A stem, the chain, a classifier."""

    searchable_parts = ("links",)

    def __init__(
        self,
        shape: NetworkShape,
        weights: Sequence[tuple[int, str]],
        affine: bool,
        run_seed: int,
    ) -> None:
        """Make and initialise a network with some weights."""
        super().__init__()
        c = shape.channels
        self.stem = ConvBN(shape.image_channels, c, 3, 2, affine=True)
        self.links = nn.ModuleDict(
            {
                f"{number}{letter}": ConvBN(c, c, KERNELS[letter], 1, affine)
                for number, letter in weights
            }
        )
        self.classifier = Classifier(c, shape.classes)
        name_layers(self)
        initialise(self, (run_seed,))

    def forward(
        self, images: Tensor, arch: str, norm: Norm = batch_norm, tap: Tap | None = None
    ) -> Tensor:
        """Compute the logits of one path."""
        x = self.stem(images, norm, tap)
        for number, letter in weights_of(arch):
            x = self.links[f"{number}{letter}"](F.relu(x), norm, tap)
        return self.classify(F.relu(x).mean(dim=(2, 3)), tap)
