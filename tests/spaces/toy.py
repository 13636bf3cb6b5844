"""A small grid: two branches of three slots each, 3^6 = 729 architectures, no published index.

A branch passes its input on, through a convolution at each slot that says so, and one that is cut
anywhere contributes nothing. So under shared weights an architecture is the same as the one whose
cut branches are cut everywhere (`canonical`); with weights of their own the branches may be
swapped, too, and it does not matter where in its branch a convolution stands (`identity`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import ArchError
from harness.spaces.kinds import Grid
from harness.spaces.values import Cost, NetworkShape, Trait
from harness.supernet.base import SideBySide, SuperNet
from harness.supernet.layers import Classifier, ConvBN, Tap, name_layers
from harness.supernet.norm import Norm, batch_norm
from harness.supernet.weights import initialise

CUT, PASS, CONV = range(3)
LETTERS = "xpc"
BRANCH = 3
"""Slots of each branch."""


class ToyArch(NamedTuple):
    """One choice for each slot, the first branch's first."""

    choices: tuple[int, ...]

    def __str__(self) -> str:
        """Write a letter for each choice, such as `cpc/xxx`."""
        return "/".join("".join(LETTERS[choice] for choice in b) for b in self.branches)

    @property
    def branches(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The choices of both branches."""
        return self.choices[:BRANCH], self.choices[BRANCH:]

    @property
    def live_convs(self) -> list[int]:
        """The slots with a convolution whose branch is not cut."""
        return [
            slot
            for slot, choice in enumerate(self.choices)
            if choice == CONV and CUT not in self.branches[slot // BRANCH]
        ]


class Toy(Grid):
    """Two branches of three slots."""

    name = "toy"
    size = 729
    slots = (("cut", "pass", "conv"),) * (2 * BRANCH)
    largest = ToyArch((CONV,) * 2 * BRANCH)
    smallest = ToyArch((PASS,) * BRANCH + (CUT,) * BRANCH)

    def parse(self, text: str) -> ToyArch:
        """Parse letters such as `cpc/xxx`."""
        branches = text.split("/")
        if [len(b) for b in branches] != [BRANCH] * 2 or set("".join(branches)) - set(LETTERS):
            raise ArchError(f"'{text:.40}' is not a toy architecture. The form is 'cpc/xxx'.")
        return ToyArch(tuple(LETTERS.index(letter) for letter in "".join(branches)))

    def format(self, arch: ToyArch) -> str:
        """Write the letters."""
        return str(arch)

    def choices(self, arch: ToyArch) -> tuple[int, ...]:
        """Return the choice of each slot."""
        return arch.choices

    def from_choices(self, choices: Sequence[int]) -> ToyArch:
        """Return the architecture with a choice for each slot."""
        if len(choices) != 2 * BRANCH or not set(choices) <= {CUT, PASS, CONV}:
            raise ArchError(f"{choices!r} are not {2 * BRANCH} choices, each 0 to 2.")
        return ToyArch(tuple(choices))

    def canonical(self, arch: ToyArch) -> ToyArch:
        """Cut every branch everywhere that is cut anywhere."""
        first, second = ((CUT,) * BRANCH if CUT in b else b for b in arch.branches)
        return ToyArch((*first, *second))

    def identity(self, arch: ToyArch) -> ToyArch:
        """Sort the choices of each branch of the canonical form, and the branches."""
        first, second = sorted(tuple(sorted(b)) for b in self.canonical(arch).branches)
        return ToyArch((*first, *second))

    def is_live(self, arch: ToyArch) -> bool:
        """Say whether a branch is not cut."""
        return any(CUT not in branch for branch in arch.branches)

    def weights(self, arch: ToyArch) -> frozenset[Hashable]:
        """Return the slots with a live convolution."""
        return frozenset(arch.live_convs)

    def cost(self, arch: ToyArch, shape: NetworkShape) -> Cost:
        """Count stem, convolutions (dead ones as well, for the whole) and classifier."""
        c, pixels = shape.channels, math.prod(shape.image_pixels(1))
        outside = 9 * shape.image_channels * c
        head = c * shape.classes
        conv = 9 * c * c

        def count(n: int) -> tuple[int, int]:
            params = outside + 2 * c + n * (conv + 2 * c) + head + shape.classes
            return params, (outside + n * conv) * pixels + head

        return Cost(*count(arch.choices.count(CONV)), *count(len(arch.live_convs)))

    def shape(self, dataset: str) -> NetworkShape:
        """Return the tiny networks, whatever the data set."""
        return NetworkShape(channels=4, cells=1, image_size=16, image_channels=1, classes=37)

    def networks(self, shape: NetworkShape) -> ToyNetworks:
        """Return what makes the networks."""
        return ToyNetworks(shape)

    @cached_property
    def traits(self) -> Mapping[str, Trait]:
        """Live architectures; one of each identity, of which two are never swapped branches."""
        return {
            "live": Trait("architectures with a branch that is not cut", self.is_live, 368),
            "one_per_class": Trait(
                "one architecture of each network",
                lambda arch: self.key(self.identity(arch)),
                15,
                is_partition=True,
            ),
        }


class ToyNetworks(NamedTuple):
    """Makes the networks of one size."""

    shape: NetworkShape

    def supernet(self, run_seed: int) -> ToyNet:
        """Make a supernet."""
        return ToyNet(self.shape, range(2 * BRANCH), False, run_seed)

    def standalone(self, arch: ToyArch, run_seeds: Sequence[int]) -> SideBySide:
        """Make networks of one architecture."""
        return SideBySide(
            lambda seed: ToyNet(self.shape, arch.live_convs, True, seed), arch, run_seeds
        )


class ToyNet(SuperNet):
    """A stem, both branches, their sum, a classifier."""

    def __init__(
        self, shape: NetworkShape, slots: Sequence[int], affine: bool, run_seed: int
    ) -> None:
        """Make and initialise a network with convolutions at some slots."""
        super().__init__()
        c = shape.channels
        self.stem = ConvBN(shape.image_channels, c, 3, 2, affine=True)
        self.cells = nn.ModuleDict({str(slot): ConvBN(c, c, 3, 1, affine) for slot in slots})
        self.classifier = Classifier(c, shape.classes)
        name_layers(self)
        initialise(self, (run_seed,))

    def forward(
        self, images: Tensor, arch: ToyArch, norm: Norm = batch_norm, tap: Tap | None = None
    ) -> Tensor:
        """Compute the logits of one path."""
        x = self.stem(images, norm, tap)
        live = [y for y in self._branches(x, arch, norm, tap) if y is not None]
        total = sum(live[1:], live[0]) if live else torch.zeros_like(x)
        return self.classify(F.relu(total).mean(dim=(2, 3)), tap)

    def _branches(
        self, x: Tensor, arch: ToyArch, norm: Norm, tap: Tap | None
    ) -> Iterator[Tensor | None]:
        for number, branch in enumerate(arch.branches):
            y = None if CUT in branch else x
            for place, choice in enumerate(branch):
                if y is not None and choice == CONV:
                    y = self.cells[str(BRANCH * number + place)](F.relu(y), norm, tap)
            yield y
