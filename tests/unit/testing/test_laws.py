"""The laws that we ship catch the faults that they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from torch import Tensor

from harness.spaces.values import NetworkShape
from harness.testing.spaces import check_networks, check_space
from tests.spaces.toy import Toy, ToyArch, ToyNet

SHAPE = NetworkShape(4, 1, 16, 1, 10)


def wrong_canonical(self: Toy, arch: ToyArch) -> ToyArch:
    """The branches swapped: they have weights of their own in a supernet."""
    first, second = sorted(arch.branches)
    return ToyArch((*first, *second))


@pytest.mark.parametrize(
    ("name", "fault", "message"),
    [
        ("parse", lambda self, text: self.smallest, "is parsed as another"),
        ("at", lambda self, key: self.largest, "one architecture for several keys"),
        ("prefix", lambda self, n, offset=0: (3,) * n, "repeats an architecture"),
        ("identity", lambda self, arch: self.largest, "costs more"),
        ("smallest", ToyArch((2,) * 6), "costs less than the smallest"),
    ],
)
def test_a_fault_in_a_space_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, fault: Any, message: str
) -> None:
    check_space(Toy())
    monkeypatch.setattr(Toy, name, fault)
    with pytest.raises(AssertionError, match=message):
        check_space(Toy())


def shared_differs(self: ToyNet, images: Tensor) -> Callable[[ToyArch], Tensor]:
    return lambda arch: self(images, arch) + 1e-6


def loses_one(self: ToyNet, archs: Iterable[ToyArch]) -> list[ToyArch]:
    return list(archs)[1:]


@pytest.mark.parametrize(
    ("owner", "name", "fault", "message"),
    [
        (Toy, "canonical", wrong_canonical, "canonical form differ"),
        (ToyNet, "share", shared_differs, "sharing changes"),
        (ToyNet, "order", loses_one, "loses or invents"),
        (Toy, "weights", lambda self, arch: frozenset(), "trains"),
    ],
)
def test_a_fault_in_a_network_is_caught(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, fault: Any, message: str
) -> None:
    check_networks(Toy(), SHAPE)
    monkeypatch.setattr(owner, name, fault)
    with pytest.raises(AssertionError, match=message):
        check_networks(Toy(), SHAPE)
