"""The networks that estimators measure."""

from __future__ import annotations

from harness.estimators.standalone import make_standalone
from harness.spaces import load_space
from harness.spaces.nago.drawing import draw_network
from harness.spaces.nago.network import DrawnNetworks
from harness.spaces.values import NetworkShape

SHAPE = NetworkShape(2, 1, 8, 1, 3)


def test_a_generator_is_measured_on_other_networks_than_its_truth() -> None:
    space = load_space("nago")
    arch = space.parse("ws(8,4,0.60)-er(1,1.00)-ws(6,4,0.20)")
    measured = set()
    for seed in range(4):
        made = make_standalone(space, SHAPE, arch, seed, "jacov")
        assert isinstance(made, DrawnNetworks)
        measured |= {part.drawn for part in made.parts}
    assert len(measured) == 4
    assert not measured & {draw_network(arch, draw) for draw in range(4)}
