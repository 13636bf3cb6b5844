"""However a network calls torch, its layers are seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.estimators import load_estimator
from harness.estimators.zero_cost import REGISTRY, group
from harness.estimators.zero_cost.intercepting import Interceptor
from harness.estimators.zero_cost.passes import Batch, Passes, Use
from harness.estimators.zero_cost.proxy import Proxy

KERNEL, MATRIX = torch.ones(3, 2, 1, 1), torch.ones(5, 4)


class Watch(Interceptor):
    """Notes what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def rectify(self, x: Tensor, in_place: bool) -> Tensor:
        self.seen.append("relu")
        return super().rectify(x, in_place)

    def normalise(
        self, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> Tensor:
        self.seen.append("batch norm")
        return super().normalise(x, weight, bias, eps)

    def weigh(self, x: Tensor, weight: Tensor, y: Tensor) -> None:
        self.seen.append(f"weight {tuple(weight.shape)}")


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        (F.relu, "relu"),
        (nn.ReLU(inplace=True), "relu"),
        (torch.relu, "relu"),
        (lambda x: x.relu(), "relu"),
        (lambda x: F.relu(input=x), "relu"),
        (F.relu_, "relu"),
        (torch.relu_, "relu"),
        (lambda x: x.relu_(), "relu"),
        (nn.BatchNorm2d(2), "batch norm"),
        (nn.BatchNorm2d(2, eps=0.1), "batch norm"),
        (lambda x: F.batch_norm(x, None, None, training=True), "batch norm"),
        (lambda x: F.conv2d(x, KERNEL), "weight (3, 2, 1, 1)"),
        (lambda x: F.conv2d(input=x, weight=KERNEL, stride=2), "weight (3, 2, 1, 1)"),
        (lambda x: F.linear(x, MATRIX), "weight (5, 4)"),
        (lambda x: F.linear(x, weight=MATRIX), "weight (5, 4)"),
    ],
)
def test_every_way_to_call_a_layer_is_seen_and_changes_nothing(
    call: Callable[[Tensor], Tensor], seen: str
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 2, 4, 4, generator=generator)
    outside, inside = x.clone(), x.clone()
    expected = call(outside)
    watch = Watch()
    with watch:
        found = call(inside)
    assert watch.seen == [seen]
    assert torch.equal(found, expected)
    assert torch.equal(inside, outside)  # overwritten where the network asks for it


class Small(nn.Module):
    """A network as a user may write it."""

    def __init__(self, relu: nn.Module, eps: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(2, 4, 3, bias=False)
        self.relu = relu
        self.bn = nn.BatchNorm2d(4, eps=eps)
        self.second = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        rectified = self.relu(self.bn(self.relu(self.first(images))))
        return self.second(rectified.mean(dim=(2, 3))).unsqueeze(1)


def measure(name: str, relu: nn.Module | None = None, eps: float = 1e-5) -> float | None:
    proxy, uses = load_estimator(name), frozenset(Use)
    assert issubclass(proxy, Proxy)
    generator = torch.Generator().manual_seed(1)
    first, second = (
        Batch(torch.randn(6, 2, 8, 8, generator=generator), torch.arange(6) % 3) for _ in range(2)
    )
    network = Small(relu or nn.ReLU(), eps)
    return group.measure(proxy, Passes(network, first, second, 0, uses))


@pytest.mark.parametrize("name", REGISTRY)
def test_a_relu_in_place_changes_no_proxy(name: str) -> None:
    assert measure(name, nn.ReLU(inplace=True)) == measure(name) is not None


@pytest.mark.parametrize("name", REGISTRY)
def test_only_proxies_of_relus_need_one(name: str) -> None:
    assert (measure(name, nn.Softplus()) is None) == (name in ("nwot", "zen"))


@pytest.mark.parametrize("name", sorted(REGISTRY.keys() - {"synflow", "l2_norm", "nwot"}))
def test_a_networks_own_epsilon_counts(name: str) -> None:
    assert measure(name, eps=10.0) != pytest.approx(measure(name), rel=1e-3)
