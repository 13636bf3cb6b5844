"""A network of NAGO: the graphs of one draw, with convolutions for nodes.

Activations are [batch, channel, height, width].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import UsageError
from harness.spaces.nago.cost import INPUT, OUTPUT, changes, choose_width, head_channels
from harness.spaces.nago.drawing import STAGES, Dag, Drawn, draw_network
from harness.spaces.nago.encoding import Generator
from harness.spaces.values import NetworkShape
from harness.supernet.base import SideBySide, SuperNet
from harness.supernet.layers import Classifier, ConvBN, Tap, name_layers
from harness.supernet.norm import Norm, batch_norm
from harness.supernet.weights import initialise


class NagoNet(SuperNet):
    """The network of one draw.

    A node is ReLU, a 3x3 convolution, batch norm. Several inputs are added up, each times the
    sigmoid of a gate that is learned, 0 at first; a graph's outputs are averaged.

    Reference: Ru et al., 2020, arXiv 2004.01395, section 3 and appendix, after Xie et al.,
    Exploring Randomly Wired Neural Networks, 2019, arXiv 1904.01569, section 3. Deviations: the
    width and the head's are those of `cost.py`; the stem halves the resolution, as does each
    stage after the first, by a 1x1 convolution with a stride; no dropout, which short trainings of
    small networks do without.
    """

    searchable_parts = ("nodes", "fits", "gates")
    float32_parts = ("head", "classifier")

    def __init__(self, shape: NetworkShape, drawn: Drawn, run_seed: int) -> None:
        """Make and initialise a network with affine batch norm."""
        super().__init__()
        width = choose_width(drawn, shape)
        self.drawn = drawn
        self.stem_a = ConvBN(shape.image_channels, width, 3, 1, affine=True)
        self.stem_b = ConvBN(width, width, 3, 2, affine=True)
        self.nodes = nn.ModuleDict()
        self.gates = nn.ParameterDict()
        for place, graph in drawn.graphs:
            for node, sources in enumerate(graph.sources):
                if len(sources) > 1:
                    self.gates[_key(*place, node)] = nn.Parameter(torch.empty(len(sources)))
                if len(place) == 2:
                    channels = width << drawn.stages[place[0]]
                    made = ConvBN(channels, channels, 3, 1, affine=True)
                    self.nodes[_key(*place, node)] = made
        self.fits = nn.ModuleDict(
            {
                _key(source, target): ConvBN(
                    width << before, width << after, 1, 1 << (after - before), affine=True
                )
                for source, target, before, after in changes(drawn)
            }
        )
        self.head = ConvBN(width << (STAGES - 1), head_channels(shape), 1, 1, affine=True)
        self.classifier = Classifier(head_channels(shape), shape.classes)
        name_layers(self)
        initialise(self, (run_seed,))

    def forward(
        self, images: Tensor, arch: Generator, norm: Norm = batch_norm, tap: Tap | None = None
    ) -> Tensor:
        """Compute the logits."""

        def fit(value: Tensor, source: int, target: int) -> Tensor:
            key = _key(source, target)
            fitted: Tensor = self.fits[key](value, norm, tap) if key in self.fits else value
            return fitted

        def keep(value: Tensor, _source: int, _target: int) -> Tensor:
            return value

        def convolve(value: Tensor, *place: int) -> Tensor:
            y: Tensor = self.nodes[_key(*place)](F.relu(value), norm, tap)
            return y

        def middle(value: Tensor, t: int, m: int) -> Tensor:
            return self._flow(self.drawn.bottom[t][m], (t, m), value, convolve, keep)

        def top(value: Tensor, t: int) -> Tensor:
            return self._flow(self.drawn.middle[t], (t,), value, middle, keep)

        x = self.stem_b(F.relu(self.stem_a(images, norm, tap)), norm, tap)
        x = self._flow(self.drawn.top, (), x, top, fit)
        return self.classify(F.relu(self.head(F.relu(x), norm, tap)).mean(dim=(2, 3)), tap)

    def _flow(
        self,
        graph: Dag,
        place: tuple[int, ...],
        x: Tensor,
        compute: Callable[..., Tensor],
        fit: Callable[[Tensor, int, int], Tensor],
    ) -> Tensor:
        """Compute a graph's nodes, and average its outputs.

        Args:
            graph: The graph.
            place: The nodes that it is within.
            x: What its inputs read.
            compute: Computes a node, given its input and its place.
            fit: Brings an output to the shape of what reads it, given both nodes.
        """
        outputs: list[Tensor] = []
        for node, sources in enumerate(graph.sources):
            values = [fit(outputs[source], source, node) for source in sources]
            if len(values) > 1:
                shares = torch.sigmoid(self.gates[_key(*place, node)])
                value = sum(share * v for share, v in zip(shares, values, strict=True))
            else:
                value = values[0] if values else fit(x, INPUT, node)
            outputs.append(compute(value, *place, node))
        last = [fit(outputs[node], node, OUTPUT) for node in graph.outputs]
        return sum(last[1:], last[0]) / len(last) if len(last) > 1 else last[0]


def _key(*place: int) -> str:
    names = {INPUT: "input", OUTPUT: "output"}
    return "_".join(names.get(node, str(node)) for node in place)


@dataclass(frozen=True)
class NagoNetworks:
    """Makes the networks of one size.

    Attributes:
        shape: The size.
        draw_of: Says which draw a seed trains (`Space.draw_of`).
    """

    shape: NetworkShape
    draw_of: Callable[[int], int]

    def supernet(self, run_seed: int) -> SuperNet:
        """Refuse: networks of different graphs share no weights here."""
        raise UsageError("Space 'nago' has no supernet. Give estimators that need none.")

    def standalone(self, arch: Generator, run_seeds: Sequence[int]) -> SideBySide:
        """Make networks of one generator, each of the draw and the initial weights of its seed."""

        def make(seed: int) -> NagoNet:
            return NagoNet(self.shape, draw_network(arch, self.draw_of(seed)), seed)

        return SideBySide(make, arch, run_seeds)
