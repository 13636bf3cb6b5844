"""Networks of NAGO: the graphs of a draw, with convolutions for nodes.

Activations are [batch, network * channel, height, width]: networks of one draw, which differ in
their weights and images alone, lie side by side.
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
from harness.supernet.base import Standalone, SuperNet
from harness.supernet.layers import Classifier, ConvBN, name_layers
from harness.supernet.norm import Norm, RunningNorm
from harness.supernet.weights import initialise


class NagoNet(nn.Module):
    """Networks of one draw, side by side.

    A node is ReLU, a 3x3 convolution, batch norm. Several inputs are added up, each times the
    sigmoid of a gate that is learned, 0 at first; a graph's outputs are averaged.

    Reference: Ru et al., 2020, arXiv 2004.01395, section 3 and appendix, after Xie et al.,
    Exploring Randomly Wired Neural Networks, 2019, arXiv 1904.01569, section 3. Deviations: the
    width and the head's are those of `cost.py`; the stem halves the resolution, as does each
    stage after the first, by a 1x1 convolution with a stride; no dropout, which short trainings of
    small networks do without.
    """

    def __init__(self, shape: NetworkShape, drawn: Drawn, run_seeds: Sequence[int]) -> None:
        """Make and initialise a network for each seed, with affine batch norm."""
        super().__init__()
        width, self.networks, self.drawn = choose_width(drawn, shape), len(run_seeds), drawn

        def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> ConvBN:
            return ConvBN(inputs, outputs, kernel, stride, affine=True, networks=self.networks)

        self.stem_a = conv(shape.image_channels, width, 3)
        self.stem_b = conv(width, width, 3, 2)
        self.nodes = nn.ModuleDict()
        self.gates = nn.ParameterDict()
        for place, graph in drawn.graphs:
            for node, sources in enumerate(graph.sources):
                if len(sources) > 1:  # [source * network]
                    gates = torch.empty(len(sources) * self.networks)
                    self.gates[_key(*place, node)] = nn.Parameter(gates)
                if len(place) == 2:
                    channels = width << drawn.stages[place[0]]
                    self.nodes[_key(*place, node)] = conv(channels, channels, 3)
        self.fits = nn.ModuleDict(
            {
                _key(source, target): conv(width << before, width << after, 1, 1 << after - before)
                for source, target, before, after in changes(drawn)
            }
        )
        self.head = conv(width << (STAGES - 1), head_channels(shape), 1)
        self.classifier = Classifier(head_channels(shape), shape.classes, self.networks)
        name_layers(self)
        initialise(self, run_seeds)

    def forward(self, images: Tensor, norm: Norm) -> Tensor:
        """Compute each network's logits of its own images, [batch, network * class]."""

        def fit(value: Tensor, source: int, target: int) -> Tensor:
            key = _key(source, target)
            fitted: Tensor = self.fits[key](value, norm, None) if key in self.fits else value
            return fitted

        def keep(value: Tensor, _source: int, _target: int) -> Tensor:
            return value

        def convolve(value: Tensor, *place: int) -> Tensor:
            y: Tensor = self.nodes[_key(*place)](F.relu(value), norm, None)
            return y

        def middle(value: Tensor, t: int, m: int) -> Tensor:
            return self._flow(self.drawn.bottom[t][m], (t, m), value, convolve, keep)

        def top(value: Tensor, t: int) -> Tensor:
            return self._flow(self.drawn.middle[t], (t,), value, middle, keep)

        x = self.stem_b(F.relu(self.stem_a(images, norm, None)), norm, None)
        x = self._flow(self.drawn.top, (), x, top, fit)
        features = F.relu(self.head(F.relu(x), norm, None)).mean(dim=(2, 3))
        logits: Tensor = self.classifier(features)
        return logits

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
                value = self._merge(values, self.gates[_key(*place, node)])
            else:
                value = values[0] if values else fit(x, INPUT, node)
            outputs.append(compute(value, *place, node))
        last = [fit(outputs[node], node, OUTPUT) for node in graph.outputs]
        return sum(last[1:], last[0]) / len(last) if len(last) > 1 else last[0]

    def _merge(self, values: Sequence[Tensor], gates: Tensor) -> Tensor:
        """Add up inputs of one shape, each times the share that its gate leaves open."""
        shares = torch.sigmoid(gates).view(len(values), self.networks, 1)
        wide = shares.expand(-1, -1, values[0].shape[1] // self.networks).reshape(
            len(values), -1, 1, 1
        )
        total = wide[0] * values[0]
        for share, value in zip(wide[1:], values[1:], strict=True):
            total = torch.addcmul(total, share, value)
        return total


def _key(*place: int) -> str:
    names = {INPUT: "input", OUTPUT: "output"}
    return "_".join(names.get(node, str(node)) for node in place)


class DrawnNetworks(Standalone):
    """Networks of one generator; those of one draw are computed at once."""

    def __init__(
        self, arch: Generator, shape: NetworkShape, run_seeds: Sequence[int], draws: Sequence[int]
    ) -> None:
        """Make the networks.

        Args:
            arch: The generator.
            shape: The size of one network.
            run_seeds: The seed of each network's initial weights, [network].
            draws: The draw that each network is of, [network].
        """
        super().__init__()
        self.networks = len(run_seeds)
        self._places = [[n for n, d in enumerate(draws) if d == draw] for draw in sorted({*draws})]
        self.parts = nn.ModuleList(
            NagoNet(shape, draw_network(arch, draws[own[0]]), [run_seeds[n] for n in own])
            for own in self._places
        )
        self.norms = nn.ModuleList(RunningNorm() for _ in self._places)

    def forward(self, images: Tensor) -> Tensor:
        """Compute each network's logits of its own images."""
        chunks = images.chunk(self.networks, dim=1)
        logits: list[Tensor] = [images] * self.networks
        for part, own, norm in zip(self.parts, self._places, self.norms, strict=True):
            assert isinstance(norm, RunningNorm)
            found = part(torch.cat([chunks[n] for n in own], 1), norm.start_pass(self.training))
            for n, one in zip(own, found.chunk(len(own), dim=1), strict=True):
                logits[n] = one
        return torch.stack(logits, dim=1)


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

    def standalone(self, arch: Generator, run_seeds: Sequence[int]) -> DrawnNetworks:
        """Make networks of one generator, each of the draw and the initial weights of its seed."""
        return DrawnNetworks(arch, self.shape, run_seeds, [self.draw_of(s) for s in run_seeds])
