"""Every space of ours against every law."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.settings.layers import make_config
from harness.settings.presets import PRESETS
from harness.spaces import REGISTRY, NetworkShape, Space, load_space
from harness.testing.spaces import LAWS, LAWS_OF_NETWORKS_ALONE, NETWORK_LAWS

SPACES = (*REGISTRY, "tests.spaces.toy:Toy", "tests.spaces.endless:Endless")
SHAPES = (NetworkShape(4, 1, 16, 1, 10), NetworkShape(4, 2, (7, 10), 3, 5))
HALVED_TOO_OFTEN = {"transnas-micro": 4, "transnas-macro": 4}
"""By what to multiply the images' size, in spaces whose networks leave a pixel of a small one."""


@pytest.fixture(params=SPACES, ids=lambda name: name.rpartition(":")[2])
def space(request: pytest.FixtureRequest) -> Space:
    return load_space(str(request.param))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_space_keeps_the_law_that(law: Callable[[Space], None], space: Space) -> None:
    law(space)


@pytest.mark.parametrize("dataset", PRESETS)
def test_every_preset_has_settings_for_every_space_of_ours(dataset: str) -> None:
    for name, preset in itertools.product(REGISTRY, PRESETS[dataset]):
        if preset not in load_space(name).presets:
            continue
        config = make_config({"space": name, "dataset": dataset, "preset": preset})
        own = load_space(name).presets[preset]
        assert config.model_dump(include=set(own)) == own


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"C{shape.channels}N{shape.cells}")
@pytest.mark.parametrize("law", NETWORK_LAWS, ids=lambda law: law.__name__)
def test_the_networks_of_every_space_keep_the_law_that(
    law: Callable[[Space, NetworkShape], None], space: Space, shape: NetworkShape
) -> None:
    if not space.has_supernet and law not in LAWS_OF_NETWORKS_ALONE:
        pytest.skip("this space has no supernet")
    pixels = tuple(HALVED_TOO_OFTEN.get(space.name, 1) * side for side in shape.image_pixels())
    law(space, replace(shape, image_size=pixels))
