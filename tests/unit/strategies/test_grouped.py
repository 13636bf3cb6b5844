"""Projectors of convolutions by groups, each held to one plain projector a group."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.strategies.grouped import make_grouped
from harness.strategies.ogd_settings import OgdSettings
from harness.strategies.projection import PROJECTORS, Projector, make_projector, multiply
from harness.supernet.patches import Draws, LayerInput
from tests.tiny import randn, tiny_config, tiny_trainer

pytestmark = pytest.mark.usefixtures("float64")

CPU = torch.device("cpu")
GROUPS, WIDTH = 3, 2
"""Of channels; input channels of each."""

KERNEL = 3
D = WIDTH * KERNEL**2
EXACT = {"rtol": 1e-9, "atol": 1e-12}
"""float64 through a handful of small matrix products."""


def settings_of(name: str) -> OgdSettings:
    own = {} if name == "rls" else {"refresh": 2, "patches": 20}
    return OgdSettings(projector=name, **own)


def make_input(seed: int, dead: int | None = None) -> Tensor:
    images = randn(4, GROUPS * WIDTH, 6, 6, seed=seed)
    if dead is not None:
        images[:, dead * WIDTH : (dead + 1) * WIDTH] = 0
    return images


def of_group(x: Tensor, group: int) -> Tensor:
    return x[:, group * WIDTH : (group + 1) * WIDTH]


def learn_from(projector: Projector, layer: LayerInput, draws: Draws) -> None:
    """Learn in float64; patches come in float32."""
    projector.store(projector.sample(layer, draws).double())


def learn(name: str, stride: int, dead: int | None = None) -> tuple[Projector, list[Projector]]:
    """Return a projector of all groups, and a plain one of each, after the same five steps."""
    whole = make_grouped(GROUPS, D, CPU, settings_of(name))
    plain = [make_projector(D, CPU, settings_of(name)) for _ in range(GROUPS)]
    weight = torch.zeros(2 * GROUPS, WIDTH, KERNEL, KERNEL)
    for step in range(5):
        images, draws = make_input(step, dead), Draws(step)
        learn_from(whole, LayerInput(images, weight, stride), draws)
        for group, projector in enumerate(plain):
            own = LayerInput(of_group(images, group), weight[:2], stride)
            learn_from(projector, own, draws)
    return whole, plain


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", PROJECTORS)
def test_each_group_has_the_projector_of_a_layer_of_its_own(name: str, stride: int) -> None:
    whole, plain = learn(name, stride)
    update = randn(2 * GROUPS, WIDTH, KERNEL, KERNEL, seed=9)
    matrices = [projector.matrix() for projector in plain]
    assert all(p is not None for p in matrices)
    torch.testing.assert_close(whole.matrix(), torch.stack(matrices), **EXACT)
    own = whole.matrix()
    expected = [multiply(part, p) for part, p in zip(update.chunk(GROUPS), own, strict=True)]
    torch.testing.assert_close(whole.project(update), torch.cat(expected), **EXACT)
    shares = [projector.plasticity for projector in plain]
    assert whole.plasticity == pytest.approx(sum(shares) / GROUPS, rel=1e-9)


@pytest.mark.parametrize("name", PROJECTORS)
def test_a_group_that_is_fed_zeros_stays_free(name: str) -> None:
    whole, plain = learn(name, 1, dead=1)
    p = whole.matrix()
    assert p is not None
    torch.testing.assert_close(p[1], torch.eye(D), **EXACT)
    assert plain[1].matrix() is None or torch.equal(plain[1].matrix(), torch.eye(D))
    assert not torch.allclose(p[0], torch.eye(D))


@pytest.mark.parametrize("name", PROJECTORS)
def test_saved_and_resumed_it_goes_on_as_if_nothing_had_been(name: str) -> None:
    whole, _ = learn(name, 1)
    resumed = make_grouped(GROUPS, D, CPU, settings_of(name))
    assert resumed.matrix() is None
    assert resumed.plasticity == 1.0
    resumed.load_state_dict(copy.deepcopy(whole.state_dict()))
    layer = LayerInput(make_input(7), torch.zeros(2 * GROUPS, WIDTH, KERNEL, KERNEL), 1)
    for projector in (whole, resumed):
        learn_from(projector, layer, Draws(7))
        learn_from(projector, layer, Draws(8))
    assert torch.equal(resumed.matrix(), whole.matrix())


def test_outputs_on_what_a_depthwise_convolution_has_seen_hardly_change() -> None:
    channels = 4
    images, other = randn(1, channels, 2, 2), randn(1, channels, 2, 2, seed=1)
    update = randn(channels, 1, 3, 3, seed=2)
    projector = make_grouped(channels, 9, CPU, OgdSettings(projector="rls", alpha=1e-10))
    layer = LayerInput(images, update, 1)
    projector.store(layer.random_patches(100, Draws(0)).double())

    def change(x: Tensor, weight: Tensor) -> float:
        return F.conv2d(x, weight, padding=1, groups=channels).norm().item()

    projected = projector.project(update)
    assert change(images, projected) < 1e-5 * change(images, update)
    assert change(other, projected) > 0.1 * change(other, update)  # 5 of 9 directions are free


def test_every_depthwise_layer_of_a_path_gets_a_projector_of_its_channels() -> None:
    torch.set_default_dtype(torch.float32)
    trainer = tiny_trainer(tiny_config(space="macro", strategy="ogd", steps=3))
    for _ in range(3):
        trainer.train_step()
    saved = trainer.strategy.state_dict()["projectors"]
    depthwise = {name for name in saved if name in trainer.network.groups}
    assert depthwise == {name for name in saved if ".convs.1." in name}
    for name in depthwise:
        weight = trainer.weights[name]
        assert saved[name]["p"].shape == (len(weight), weight.shape[-1] ** 2, weight.shape[-1] ** 2)
    pointwise = {name for name in saved if ".convs.0." in name or ".convs.2." in name}
    assert {saved[name]["p"].shape[0] for name in pointwise} == {
        trainer.weights[name].shape[1] for name in pointwise
    }
