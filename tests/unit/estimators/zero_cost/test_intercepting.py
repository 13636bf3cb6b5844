"""However a network calls torch, its layers are seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.estimators.zero_cost.intercepting import Interceptor

KERNEL, MATRIX = torch.ones(3, 2, 1, 1), torch.ones(5, 4)


class Watch(Interceptor):
    """Notes what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def rectify(self, x: Tensor) -> Tensor:
        self.seen.append("relu")
        return super().rectify(x)

    def normalise(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        self.seen.append("batch norm")
        return super().normalise(x, weight, bias)

    def weigh(self, x: Tensor, weight: Tensor, y: Tensor) -> None:
        self.seen.append(f"weight {tuple(weight.shape)}")


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        (F.relu, "relu"),
        (nn.ReLU(inplace=True), "relu"),
        (torch.relu, "relu"),
        (lambda x: x.relu(), "relu"),
        (nn.BatchNorm2d(2), "batch norm"),
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
    expected = call(x.clone())
    watch = Watch()
    with watch:
        found = call(x.clone())
    assert watch.seen == [seen]
    assert torch.equal(found, expected)
