"""Parameters and multiply-adds of NAGO's networks: held to networks that are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness.errors import ArchError
from harness.spaces.nago.cost import choose_width, count
from harness.spaces.nago.drawing import Dag, Drawn, draw_network
from harness.spaces.nago.encoding import EXAMPLE, parse_generator
from harness.spaces.nago.space import COST_DRAWS, Nago
from harness.spaces.values import NetworkShape
from tests.counting import count_network

SPACE = Nago()
SHAPE = NetworkShape(2, 1, (11, 13), 3, 7)
TRIANGLE, NODE = Dag(((), (0,), (0, 1))), Dag(((),))


def test_a_network_has_what_the_formula_counts() -> None:
    images = torch.randn(2, 3, 11, 13)
    for key in SPACE.prefix(6):
        arch = SPACE.at(key)
        for seed in (0, 2):
            cost = SPACE.network_cost(arch, SHAPE, seed)
            found = count_network(SPACE.networks(SHAPE).standalone(arch, [seed]), images)
            assert found == (cost.params, cost.flops) == cost[2:], arch


def test_parameters_are_those_by_hand() -> None:
    # triangles all over: three stages of three convolutions; edges 0->1, 0->2, 1->2 and none else
    drawn = Drawn(parse_generator(EXAMPLE), TRIANGLE, (NODE,) * 3, ((TRIANGLE,),) * 3)
    shape = NetworkShape(1, 1, 8, 1, 2)
    assert choose_width(drawn, shape) == 4
    w = 4
    stem = 9 * w + 2 * w + 9 * w * w + 2 * w
    nodes = 3 * (9 * w * w * (1 + 4 + 16) + 2 * w * (1 + 2 + 4))
    fits = 2 * w * w + 4 * w + 4 * w * w + 8 * w + 8 * w * w + 8 * w
    gates = 2 * 4
    head = 4 * w * 80 + 2 * 80 + 80 * 2 + 2
    flops = 9 * w * 64 + 9 * w * w * 16 + 27 * w * w * (16 + 4 * 4 + 16)
    flops += 2 * w * w * 4 + 4 * w * w + 8 * w * w + 4 * w * 80 + 80 * 2
    assert count(drawn, shape) == (stem + nodes + fits + gates + head, flops)


def test_sixteen_channels_are_the_four_million_of_the_paper() -> None:
    cost = SPACE.cost(parse_generator(EXAMPLE), SPACE.baseline_shape)
    assert 3_800_000 < cost.params <= 4_000_000


def test_networks_use_as_much_of_the_limit_as_the_documentation_says() -> None:
    archs = [SPACE.at(key) for key in SPACE.prefix(300)]
    scored = [SPACE.cost(arch, SPACE.baseline_shape).params / 1e6 for arch in archs]
    assert (min(scored), max(scored)) == pytest.approx((3.80, 4.00), abs=0.005)
    shape = SPACE.shape("tiles")
    trained = [
        SPACE.network_cost(arch, shape, s).params / 250_000 for arch in archs for s in (0, 2)
    ]
    assert (min(trained), max(trained)) == pytest.approx((0.78, 1.00), abs=0.005)


def test_a_limit_that_no_width_meets_is_refused() -> None:
    large = draw_network(parse_generator("ws(10,4,0.50)-er(10,0.50)-ws(10,4,0.50)"), 0)
    with pytest.raises(ArchError, match=r"of ws\(10,4.* channels = 1 allows 15,625 .* Give more"):
        choose_width(large, replace(SHAPE, channels=1))
    assert choose_width(large, replace(SHAPE, channels=4)) == 2


def test_the_cost_of_a_generator_is_a_mean_over_draws_that_no_training_has() -> None:
    arch = parse_generator("ws(8,4,0.60)-er(1,0.70)-ws(5,2,0.90)")
    of_draws = [count(draw_network(arch, draw), SHAPE)[1] for draw in COST_DRAWS]
    assert len(set(of_draws)) > 1
    assert SPACE.cost(arch, SHAPE).flops == round(sum(of_draws) / len(of_draws))
    assert max(COST_DRAWS) < min(SPACE.draw_of(seed) for seed in range(4))
