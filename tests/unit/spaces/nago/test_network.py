"""Networks of NAGO: what they compute, and what a seed decides."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import UsageError
from harness.spaces.nago.drawing import draw_network
from harness.spaces.nago.encoding import parse_generator
from harness.spaces.nago.network import NagoNet
from harness.spaces.nago.space import Nago
from harness.spaces.values import NetworkShape
from harness.supernet.layers import ConvBN
from harness.supernet.norm import batch_norm

SPACE = Nago()
SHAPE = NetworkShape(3, 1, (12, 10), 2, 5)
ARCH = parse_generator("ws(6,2,0.90)-er(3,0.50)-ws(4,2,0.80)")


def compute_plainly(network: NagoNet, images: Tensor) -> Tensor:
    """Compute the logits node by node, from the edges alone."""
    drawn, n_top = network.drawn, len(network.drawn.top.sources)
    stages = [3 * node // n_top for node in range(n_top)]

    def conv(layer: ConvBN, x: Tensor, stride: int = 1) -> Tensor:
        y = F.conv2d(x, layer.weight, None, stride, layer.weight.shape[-1] // 2)
        return F.batch_norm(y, None, None, layer.bn_weight, layer.bn_bias, training=True)

    def merge(values: list[Tensor], key: str) -> Tensor:
        if len(values) == 1:
            return values[0]
        gates = network.gates[key]
        return sum((v / (1 + torch.exp(-gates[i])) for i, v in enumerate(values)), torch.zeros(()))

    def fit(x: Tensor, name: str, before: int, after: int) -> Tensor:
        if before == after:
            return x
        layer = network.fits[name]
        assert isinstance(layer, ConvBN)
        return conv(layer, x, 2 ** (after - before))

    def run_bottom(x: Tensor, t: int, m: int) -> Tensor:
        edges, out = drawn.bottom[t][m].edges, {}
        for b in range(len(drawn.bottom[t][m].sources)):
            values = [out[s] for s, target in edges if target == b] or [x]
            layer = network.nodes[f"{t}_{m}_{b}"]
            assert isinstance(layer, ConvBN)
            out[b] = conv(layer, F.relu(merge(values, f"{t}_{m}_{b}")))
        last = [out[b] for b in out if b not in {s for s, _ in edges}]
        return torch.stack(last).mean(dim=0)

    def run_middle(x: Tensor, t: int) -> Tensor:
        edges, out = drawn.middle[t].edges, {}
        for m in range(len(drawn.middle[t].sources)):
            values = [out[s] for s, target in edges if target == m] or [x]
            out[m] = run_bottom(merge(values, f"{t}_{m}"), t, m)
        last = [out[m] for m in out if m not in {s for s, _ in edges}]
        return torch.stack(last).mean(dim=0)

    x = conv(network.stem_b, F.relu(conv(network.stem_a, images)), 2)
    edges, out = drawn.top.edges, {}
    for t in range(n_top):
        values = [
            fit(out[s], f"{s}_{t}", stages[s], stages[t]) for s, target in edges if target == t
        ] or [fit(x, f"input_{t}", 0, stages[t])]
        out[t] = run_middle(merge(values, f"{t}"), t)
    last = [fit(out[t], f"{t}_output", stages[t], 2) for t in out if t not in {s for s, _ in edges}]
    features = F.relu(conv(network.head, F.relu(torch.stack(last).mean(dim=0)))).mean(dim=(2, 3))
    return F.linear(features, network.classifier.weight, network.classifier.bias)  # type: ignore[arg-type]


@pytest.mark.parametrize("draw", range(4))
def test_a_network_computes_what_its_graphs_say(draw: int) -> None:
    network = NagoNet(SHAPE, draw_network(ARCH, draw), [0]).double()
    generator = torch.Generator().manual_seed(draw)
    with torch.no_grad():
        for gates in network.gates.values():
            gates.copy_(torch.randn(gates.shape, generator=generator))
    images = torch.randn(3, 2, 12, 10, generator=generator, dtype=torch.float64)
    # float64; sums in another order
    torch.testing.assert_close(network(images, batch_norm), compute_plainly(network, images))


def test_gates_are_half_open_at_first_and_learned() -> None:
    network = NagoNet(SHAPE, draw_network(ARCH, 0), [0])
    gates = list(network.gates.values())
    assert gates
    assert all(torch.sigmoid(gate).eq(0.5).all() for gate in gates)
    network(torch.randn(3, 2, 12, 10), batch_norm).square().sum().backward()
    assert all(gate.grad is not None for gate in gates)


def test_two_seeds_in_a_row_train_one_drawn_network_from_other_weights() -> None:
    assert [SPACE.draw_of(seed) for seed in range(6)] == [0, 0, 1, 1, 2, 2]
    pair, third = SPACE.networks(SHAPE).standalone(ARCH, [0, 1, 2]).parts  # type: ignore[attr-defined]
    assert (pair.networks, third.networks) == (2, 1)
    assert pair.drawn != third.drawn
    first, second = pair.stem_a.weight.chunk(2)
    assert not torch.equal(first, second)


def test_networks_of_one_draw_share_nothing_but_the_computation() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 6, 12, 10, generator=generator, dtype=torch.float64)
    seeds = (3, 1, 2)  # the first and the last are of one draw
    together = SPACE.networks(SHAPE).standalone(ARCH, seeds).double()
    gates = [part.gates for part in together.parts]  # type: ignore[attr-defined]
    with torch.no_grad():
        for value in (value for of_part in gates for value in of_part.values()):
            value.copy_(torch.randn(value.shape, generator=generator))
    logits = together(images)
    together.eval()
    evaluated = together(images)
    for place, seed in enumerate(seeds):
        alone = SPACE.networks(SHAPE).standalone(ARCH, [seed]).double()
        n, within = ((2, 0), (1, 0), (2, 1))[place]  # networks of its draw, and its place there
        with torch.no_grad():
            for key, value in alone.parts[0].gates.items():  # type: ignore[attr-defined]
                value.copy_(gates[n - 1][key].view(-1, n)[:, within])
        own = images[:, 2 * place : 2 * place + 2]
        torch.testing.assert_close(alone(own)[:, 0], logits[:, place])
        alone.eval()
        torch.testing.assert_close(alone(own)[:, 0], evaluated[:, place])


def test_there_is_no_supernet() -> None:
    with pytest.raises(UsageError, match="'nago' has no supernet"):
        SPACE.networks(SHAPE).supernet(0)
