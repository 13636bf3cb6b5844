"""What one forward and one backward pass of a batch tell about a network, for all proxies at once.

Everything is computed when it is first asked for, and once: proxies that need the same pass share
it. Images are [image, channel, height, width]. *Weights* are those of convolutions and linear
layers, without shifts and without batch norm.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.estimators.zero_cost.intercepting import Interceptor
from harness.estimators.zero_cost.meter import Meter, SharedPass
from harness.estimators.zero_cost.twice_derived import BatchNorm, Convolution, Form
from harness.supernet.base import Standalone

_CURVATURE = "curvature"


class Use(Enum):
    """What a proxy takes from the shared forward pass, which has to be known before it."""

    GRADIENTS = auto()
    CURVATURE = auto()
    CODES = auto()
    SALIENCY = auto()


class Batch(NamedTuple):
    """Images and their labels.

    Attributes:
        images: float32, [image, channel, height, width].
        labels: int64, [image].
    """

    images: Tensor
    labels: Tensor


class Passes:
    """The passes of one network.

    Attributes:
        network: The network, of one architecture and one draw of weights; it is not changed.
        batch: What the shared passes are made on.
        second: Another batch, for proxies that compare two.
        seed: The run's seed, for what else is drawn.
        meter: Times the passes.
    """

    def __init__(
        self,
        network: Standalone,
        batch: Batch,
        second: Batch,
        seed: int,
        uses: Collection[Use],
        meter: Meter | None = None,
    ) -> None:
        """Take a network; nothing is computed yet.

        Args:
            network: One network, in training mode.
            batch: The first batch.
            second: Another of the same size.
            seed: The run's seed.
            uses: What the proxies that will be asked for take from the forward pass.
            meter: Times the passes; one of its own by default.
        """
        self.network = network
        self.batch = batch
        self.second = second
        self.seed = seed
        self.meter = meter or Meter(time.process_time)
        self._uses = frozenset(uses)

    @cached_property
    def weights(self) -> Mapping[str, Tensor]:
        """The weights by name."""
        return {name: w for name, w in self.network.named_parameters() if w.dim() > 1}

    @property
    def gradients(self) -> tuple[Tensor, ...]:
        """Gradients of the mean cross-entropy of the first batch by the weights."""
        return self._backward

    @property
    def curvature(self) -> float:
        """The product w'Hg of all weights w, that gradient g, and the second derivatives H."""
        self._backward  # noqa: B018 - computed beside it
        found: float = self.meter.ask(_CURVATURE, lambda: 0.0)
        return found

    @SharedPass
    def second_gradients(self) -> tuple[Tensor, ...]:
        """The gradients of the second batch."""
        with Interceptor():
            logits = self.network(self.second.images).squeeze(1)
        loss = F.cross_entropy(logits, self.second.labels)
        return torch.autograd.grad(loss, tuple(self.weights.values()), materialize_grads=True)

    @property
    def saliency(self) -> float:
        """The summed Fisher saliency of all channels of all layers (see `fisher`)."""
        self._backward  # noqa: B018 - seen on the way
        return self._seen.saliency

    @property
    def codes(self) -> Tensor:
        """Units of all ReLUs in which two images agree to be on or off, float64 [image, image].

        A ReLU that several layers read counts once for each, as if each had its own. All zero
        without a ReLU.
        """
        self._forward  # noqa: B018 - seen on the way
        nothing = self.logits.new_zeros([len(self.logits)] * 2, dtype=torch.float64)
        return sum(self._seen.codes, nothing)

    @property
    def logits(self) -> Tensor:
        """Logits of the first batch, [image, class]."""
        return self._forward[1].detach()

    @cached_property
    def have_signal(self) -> bool:
        """Whether the logits of the first batch are finite, and differ between images."""
        logits = self.logits
        return bool(logits.isfinite().all() and (logits != logits[0]).any())

    @SharedPass
    def input_correlations(self) -> npt.NDArray[np.float64] | None:
        """Correlations of the images' gradients of the sum of all logits, [image, image].

        None where an image has no gradient, or one that overflows.
        """
        gradients = self.pull_back(torch.ones_like(self.logits)).numpy(force=True)
        is_there = np.isfinite(gradients).all() and (gradients.std(axis=1) > 0).all()
        return np.corrcoef(gradients) if is_there else None

    def pull_back(self, weights: Tensor) -> Tensor:
        """Return the gradient of a weighted sum of logits by each image.

        Args:
            weights: [image, class].

        Returns:
            float64, [image, pixel].
        """
        images, logits = self._forward
        # Of a sum, as torch imports sympy where it is given weights.
        (found,) = torch.autograd.grad(
            (logits * weights).sum(), images, retain_graph=True, materialize_grads=True
        )
        return found.flatten(1).double()

    @cached_property
    def _seen(self) -> _Watch:
        return _Watch(self._uses)

    @SharedPass
    def _forward(self) -> tuple[Tensor, Tensor]:
        images = self.batch.images
        with_graph = bool(self._uses - {Use.CODES})
        if with_graph:
            images = images.detach().requires_grad_()
        with torch.set_grad_enabled(with_graph), self._seen:
            logits = self.network(images).squeeze(1)
        self._seen.let_go()
        return images, logits

    @SharedPass
    def _backward(self) -> tuple[Tensor, ...]:
        with_curvature = Use.CURVATURE in self._uses
        weights = tuple(self.weights.values())
        loss = F.cross_entropy(self._forward[1], self.batch.labels)
        self._seen.is_backward_of_loss = True
        found = torch.autograd.grad(
            loss, weights, retain_graph=True, create_graph=with_curvature, materialize_grads=True
        )
        self._seen.is_backward_of_loss = False
        if with_curvature:
            self.meter.aside(_CURVATURE, partial(_find_curvature, weights, found))
        return tuple(g.detach() for g in found)


def _find_curvature(weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> float:
    square = torch.stack([(g * g.detach()).sum() for g in gradients]).sum()
    products = torch.autograd.grad(square, weights, retain_graph=True, materialize_grads=True)
    return sum_products(weights, products)


class _Watch(Interceptor):
    """What the shared forward pass looks at on its way."""

    def __init__(self, uses: frozenset[Use]) -> None:
        super().__init__()
        self._uses = uses
        self._rectified: list[Tensor] = []  # kept, so that no other tensor takes one's id
        self._agreements: dict[int, Tensor] = {}  # by id of a ReLU's output
        self._readers: Counter[int] = Counter()
        self.is_backward_of_loss = False
        self.saliency = 0.0

    def normalise(
        self, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> Tensor:
        if Use.CURVATURE not in self._uses:
            return super().normalise(x, weight, bias, eps)
        y: Tensor = BatchNorm.apply(x, weight, bias, eps)  # type: ignore[no-untyped-call]
        return y

    def rectify(self, x: Tensor, in_place: bool) -> Tensor:
        y = super().rectify(x, in_place)
        if Use.CODES in self._uses:
            self._rectified.append(y)
            self._agreements[id(y)] = _count_agreements(y.detach())
        return y

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None, *form: Any) -> Tensor:
        if Use.CURVATURE not in self._uses or bias is not None:
            return super().convolve(x, weight, bias, *form)
        y: Tensor = Convolution.apply(x, weight, Form(*form))  # type: ignore[no-untyped-call]
        return y

    def weigh(self, x: Tensor, weight: Tensor, y: Tensor) -> None:
        if not weight.requires_grad:  # pooling, written as a convolution
            return
        if id(x) in self._agreements:
            self._readers[id(x)] += 1
        if Use.SALIENCY in self._uses:
            # A ReLU may overwrite it, but only where the gradient is zero.
            y.register_hook(partial(self._add_saliency, y.detach()))

    def let_go(self) -> None:
        """Forget activations: with the hooks on them they would keep each other alive for ever."""
        self._rectified = []

    @property
    def codes(self) -> Iterator[Tensor]:
        return (n * max(1, self._readers[key]) for key, n in self._agreements.items())

    def _add_saliency(self, y: Tensor, gradient: Tensor) -> None:
        if self.is_backward_of_loss:
            product = y * gradient.detach()
            of_images = product.flatten(2).sum(dim=2) if y.dim() > 2 else product
            self.saliency += float(of_images.double().square().mean(dim=0).sum() / 2)


def _count_agreements(y: Tensor) -> Tensor:
    """Count the units in which two images agree to be on or off, float64 [image, image]."""
    on = (y > 0).flatten(1).to(torch.float32)
    both = (on @ on.T).double()  # exact: whole numbers below 2^24
    n_on = both.diagonal()
    return 2 * both - n_on.view(-1, 1) - n_on + on.shape[1]


def sum_products(left: Iterable[Tensor], right: Iterable[Tensor]) -> float:
    """Return the sum of all products of two lists of tensors, in float64."""
    pairs = zip(left, right, strict=True)
    return sum(float((a.detach() * b).sum(dtype=torch.float64)) for a, b in pairs)
