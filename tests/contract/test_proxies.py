"""Every registered proxy against its plain formulation and every law."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from harness.estimators import load_estimator
from harness.estimators.zero_cost import REGISTRY, group
from harness.estimators.zero_cost.passes import Batch, Passes, Use
from harness.estimators.zero_cost.proxy import Proxy
from harness.spaces import Architecture, NetworkShape, load_space
from harness.supernet.base import Standalone
from tests.contract.proxies import ROWS, Case, Row
from tests.reference import NaiveNetwork, copy_weights, naive_name

SPACE = load_space()
SHAPE = NetworkShape(channels=3, cells=2, image_size=8, image_channels=2, classes=5)
SEED = 7
DENSE = (
    "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
)
SPARSE = "|none~0|+|skip_connect~0|none~1|+|nor_conv_3x3~0|none~1|avg_pool_3x3~2|"
WITH_DEAD = "|none~0|+|skip_connect~0|none~1|+|nor_conv_3x3~0|nor_conv_1x1~1|avg_pool_3x3~2|"
"""As `SPARSE`, but for a convolution that is fed zeros."""
DEAD = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def draw_batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(12, 2, 8, 8, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 5, (12,), generator=generator)
    return Batch(images.contiguous(memory_format=torch.channels_last), labels)


FIRST, SECOND = draw_batch(1), draw_batch(2)


def make_network(text: str, seed: int = SEED) -> Standalone:
    return SPACE.networks(SHAPE).standalone(SPACE.parse(text), [seed]).double()


def load_proxy(name: str) -> type[Proxy]:
    found = load_estimator(name)
    assert issubclass(found, Proxy)
    return found


def make_passes(network: Standalone, uses: frozenset[Use], seed: int = SEED) -> Passes:
    return Passes(network, FIRST, SECOND, seed, uses)


def measure(name: str, text: str, seed: int = SEED) -> float:
    proxy = load_proxy(name)
    return proxy.measure(make_passes(make_network(text, seed), proxy.uses, seed))


class _Bound(nn.Module):
    """A naive network of one architecture."""

    def __init__(self, network: NaiveNetwork, arch: Architecture) -> None:
        super().__init__()
        self.network = network
        self.last_bn = network.last_bn
        self.arch = arch

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.network(images, self.arch)
        return found


def bind(shape: NetworkShape, arch: Architecture) -> _Bound:
    """Make the naive network of one architecture."""
    return _Bound(NaiveNetwork(shape, affine=True, running=False, only=arch), arch)


def make_case(text: str) -> Case:
    own, naive = make_network(text), bind(SHAPE, SPACE.parse(text)).double()
    copy_weights(own, naive.network)
    names = {f"network.{naive_name(name, SHAPE.cells)}": name for name, _ in own.named_parameters()}
    return Case(lambda: copy.deepcopy(naive), FIRST, SECOND, SEED, names)


@each_row
@pytest.mark.parametrize("text", [DENSE, SPARSE], ids=["dense", "sparse"])
def test_every_proxy_is_what_its_plain_formulation_says(row: Row, text: str) -> None:
    # float64 on either side; sums in another order, and for zen a difference of close values
    assert measure(row.name, text) == pytest.approx(row.reference(make_case(text)), rel=1e-8)


def test_every_registered_proxy_has_a_row() -> None:
    assert {row.name for row in ROWS} == set(REGISTRY)


@each_row
def test_the_same_seed_gives_the_same_bits_and_another_one_others(row: Row) -> None:
    first, again = measure(row.name, DENSE), measure(row.name, DENSE)
    assert first == again
    assert measure(row.name, DENSE, seed=8) != first


@each_row
def test_sharing_passes_changes_no_bit(row: Row) -> None:
    proxies = {name: load_proxy(name) for name in REGISTRY}
    uses = frozenset().union(*(proxy.uses for proxy in proxies.values()))
    for order in (list(proxies), list(reversed(proxies))):
        passes = make_passes(make_network(DENSE), uses)
        together = {name: proxies[name].measure(passes) for name in order}
        assert together[row.name] == measure(row.name, DENSE)


@each_row
def test_the_weights_are_not_changed(row: Row) -> None:
    network, proxy = make_network(DENSE), load_proxy(row.name)
    before = copy.deepcopy(dict(network.named_parameters()))
    proxy.measure(make_passes(network, proxy.uses))
    assert all(torch.equal(value, before[name]) for name, value in network.named_parameters())
    assert all(parameter.grad is None for parameter in network.parameters())


@each_row
def test_dead_edges_change_only_the_proxies_that_are_said_to_depend_on_them(row: Row) -> None:
    with_dead, live = measure(row.name, WITH_DEAD), measure(row.name, SPARSE)
    assert SPACE.canonical(SPACE.parse(WITH_DEAD)) == SPACE.parse(SPARSE)
    if row.depends_on_dead:
        assert with_dead != live
    else:
        assert with_dead == pytest.approx(live, rel=1e-12)


def measure_or_none(name: str, text: str, factor: float = 1.0, label: int | None = None) -> object:
    """Measure as a run does, in float32, with larger weights or all labels alike."""
    network, proxy = make_network(text).float(), load_proxy(name)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    first, second = (
        Batch(images.float(), labels if label is None else torch.full_like(labels, label))
        for images, labels in (FIRST, SECOND)
    )
    return group.measure(proxy, Passes(network, first, second, SEED, proxy.uses))


@each_row
def test_a_network_without_a_signal_has_no_number(row: Row) -> None:
    has_number = row.name == "l2_norm"  # of weights that are there
    assert (measure_or_none(row.name, DEAD) is not None) == has_number


@each_row
@pytest.mark.parametrize("factor", [1e15, 1e20, math.inf])
def test_an_overflow_is_no_number(row: Row, factor: float) -> None:
    # finite weights have a norm, and zen draws its own
    has_number = row.name in ("l2_norm", "zen") and factor == 1e15
    has_number |= row.name == "l2_norm" and factor == 1e20
    assert (measure_or_none(row.name, DENSE, factor) is not None) == has_number


@each_row
def test_a_batch_of_one_class_has_a_number(row: Row) -> None:
    found = measure_or_none(row.name, DENSE, label=2)
    assert isinstance(found, float)
    assert found != 0.0


def test_gradients_that_two_batches_share_have_no_ratio() -> None:
    proxy = load_proxy("zico")
    passes = Passes(make_network(DENSE), FIRST, FIRST, SEED, proxy.uses)
    assert group.measure(proxy, passes) is None


@each_row
@pytest.mark.parametrize("name", ["tests.spaces.toy:Toy", "tests.spaces.endless:Endless"])
def test_every_proxy_measures_networks_of_any_space(row: Row, name: str) -> None:
    space, proxy = load_space(name), load_proxy(row.name)
    shape = NetworkShape(channels=4, cells=1, image_size=8, image_channels=2, classes=5)
    networks = space.networks(shape)
    live = next(arch for arch in map(space.at, space.prefix(20)) if space.is_live(arch))
    network = networks.standalone(live, [SEED]).double()
    assert math.isfinite(proxy.measure(make_passes(network, proxy.uses)))
