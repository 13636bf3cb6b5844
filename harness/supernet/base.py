"""What a space's networks offer to training, measuring and ranking.

Images are [batch, channel, height, width], best in channels-last format; `arch` is an architecture
of the networks' space.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from harness.supernet.layers import ConvBN, Tap
from harness.supernet.norm import Norm, RunningNorm, batch_norm

CLASSIFIER = "classifier.weight"
"""The name under which a tap is told the features."""


class SuperNet(nn.Module, ABC):
    """A weight-sharing supernet: one set of weights, of which each architecture uses a part.

    Laws: an architecture's output depends on its own weights alone; architectures with the same
    `Space.canonical` give the same bits; no weight outside `searchable` and none of the
    architecture's own gets a gradient; the output is `classifier` applied to [batch, feature], so
    that a copy whose `classifier` is the identity returns the features.

    Attributes:
        classifier: The last layer.
        searchable_parts: The modules whose weights not all architectures share.
        float32_parts: The modules and parameters that stay in float32 where the rest is computed
            in bf16; `forward` converts what enters them.
    """

    searchable_parts: ClassVar[tuple[str, ...]] = ("cells",)
    float32_parts: ClassVar[tuple[str, ...]] = ("classifier",)
    classifier: nn.Module

    @abstractmethod
    def forward(
        self, images: Tensor, arch: Any, norm: Norm = batch_norm, tap: Tap | None = None
    ) -> Tensor:
        """Compute the logits of one path.

        Args:
            images: [batch, channel, height, width].
            arch: The path.
            norm: Where batch norm's statistics come from; the batch itself by default.
            tap: Told (weight name, layer input) for every weighted layer on the path.

        Returns:
            Logits, [batch, class].
        """

    def share(self, images: Tensor) -> Callable[[Any], Tensor]:
        """Return what computes the logits of paths on one batch, bit for bit as `forward` does.

        A space overrides it where its architectures have something in common on a batch that can
        be computed once. The weights must not change while the function is in use.

        Args:
            images: The batch, which is normalised with its own statistics.
        """
        return lambda arch: self(images, arch)

    def order(self, archs: Iterable[Any]) -> list[Any]:
        """Order distinct architectures so that what `share` returns computes them fastest."""
        return list(archs)

    @property
    def n_features(self) -> int | None:
        """The features that the classifier reads; None if none of its weights says it."""
        matrices = (part for part in self.classifier.parameters() if part.ndim == 2)
        return next((matrix.shape[1] for matrix in matrices), None)

    @property
    def strides(self) -> Mapping[str, int]:
        """The strides of the layers that a tap reports, by weight name; others have stride 1."""
        return {part.name: part.stride for part in self.modules() if isinstance(part, ConvBN)}

    @property
    def groups(self) -> Mapping[str, int]:
        """The groups of channels of the layers that have several, by weight name."""
        groups = ((p.name, p.groups) for p in self.modules() if isinstance(p, ConvBN))
        return {name: n for name, n in groups if n > 1}

    @property
    def searchable(self) -> frozenset[str]:
        """The names of the weights that not all architectures share."""
        names = (name for name, _ in self.named_parameters())
        return frozenset(n for n in names if n.partition(".")[0] in self.searchable_parts)

    def classify(self, features: Tensor, tap: Tap | None) -> Tensor:
        """Return the logits of features, [batch, feature], in float32 or better; tell the tap."""
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        if tap is not None:
            tap(CLASSIFIER, features)
        logits: Tensor = self.classifier(features)
        return logits

    def to_bf16(self) -> SuperNet:
        """Copy the supernet in bf16, except its `float32_parts`."""
        half = copy.deepcopy(self).to(torch.bfloat16)
        for name in self.float32_parts:
            setattr(half, name, copy.deepcopy(getattr(self, name)))
        return half

    def without_classifier(self) -> SuperNet:
        """Copy the supernet, weights shared, so that it returns features, [batch, feature]."""
        headless = copy.copy(self)
        headless._modules = {**self._modules, "classifier": nn.Identity()}
        return headless


class Standalone(nn.Module, ABC):
    """Networks of one architecture side by side, each to be trained on images of its own.

    Attributes:
        networks: How many.
    """

    networks: int

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Compute each network's logits of its own images.

        Args:
            images: [batch, network * channel, height, width].

        Returns:
            Logits, [batch, network, class].
        """


class SideBySide(Standalone):
    """Networks computed one after the other, for a space that has no faster way.

    Each is a supernet of one path, best made of that path's weights alone.
    """

    def __init__(
        self, make: Callable[[int], SuperNet], arch: Any, run_seeds: Sequence[int]
    ) -> None:
        """Make the networks.

        Args:
            make: Makes one network, given the seed of its initial weights.
            arch: The architecture.
            run_seeds: The seed of each network, [network].
        """
        super().__init__()
        self.networks = len(run_seeds)
        self.arch = arch
        self.parts = nn.ModuleList(make(seed) for seed in run_seeds)
        self.norms = nn.ModuleList(RunningNorm() for _ in run_seeds)

    def forward(self, images: Tensor) -> Tensor:
        """Compute each network's logits of its own images."""
        chunks = images.chunk(self.networks, dim=1)
        logits = []
        for part, chunk, norm in zip(self.parts, chunks, self.norms, strict=True):
            assert isinstance(norm, RunningNorm)
            logits.append(part(chunk, self.arch, norm.start_pass(self.training)))
        return torch.stack(logits, dim=1)


class Networks(Protocol):
    """Makes the networks of one space and size."""

    def supernet(self, run_seed: int) -> SuperNet:
        """Make a supernet; equal seeds give equal initial weights."""
        ...

    def standalone(self, arch: Any, run_seeds: Sequence[int]) -> Standalone:
        """Make networks of one architecture, one for each seed, with affine batch norm."""
        ...
