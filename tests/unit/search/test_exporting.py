from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import DataError
from harness.search.exporting import FoundNetwork, load_network, save_network
from harness.spaces import NetworkShape, Space, load_space
from harness.spaces.nb201.space import NB201

SHAPE = NetworkShape(channels=4, cells=1, image_size=8, image_channels=1, classes=3)


class Own(NB201):
    """A space of one's own."""


def make_network(space: Space, seed: int = 0) -> FoundNetwork:
    return FoundNetwork(space, space.format(space.at(6111)), SHAPE, seed)


def test_a_network_comes_back_with_its_weights(tmp_path: Path) -> None:
    network = make_network(load_space(), seed=3)
    save_network(network, tmp_path / "a.pt")
    again = load_network(tmp_path / "a.pt")
    assert again.about == network.about
    assert again.about["space"] == "nb201"
    images = torch.rand(2, 1, 8, 8)
    assert torch.equal(again.eval()(images), network.eval()(images))


@pytest.mark.parametrize("name", ["nb201", "macro", "nago", "transnas-micro", "nb101-ss2"])
def test_a_network_that_was_trained_comes_back_with_its_statistics(
    name: str, tmp_path: Path
) -> None:
    space = load_space(name)
    shape = NetworkShape(channels=4, cells=1, image_size=32, image_channels=3, classes=10)
    arch = "ws(5,4,0.50)-er(1,1.00)-ws(3,2,0.50)" if name == "nago" else space.format(space.at(40))
    network = FoundNetwork(space, arch, shape)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    images = torch.rand(8, 3, 32, 32)
    for _ in range(3):
        optimizer.zero_grad()
        network(images).square().mean().backward()
        optimizer.step()
    logits = network.eval()(images)
    save_network(network, tmp_path / "a.pt")
    assert torch.equal(load_network(tmp_path / "a.pt").eval()(images), logits)
    other = FoundNetwork(space, arch, shape, seed=1)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(images), logits)
    assert other.double()(images.double()).dtype is torch.float64


def test_a_space_of_ones_own_is_given_and_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pt"
    save_network(make_network(Own()), path)
    assert load_network(path, Own()).about["space"].endswith("test_exporting:Own")
    with pytest.raises(DataError, match="nb201 was given"):
        load_network(path, load_space())
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "evil_module.py").write_text("class Evil: pass")
    content: dict[str, Any] = torch.load(path, weights_only=True)
    content["about"]["space"] = "evil_module:Evil"
    torch.save(content, path)
    with pytest.raises(DataError, match="space evil_module:Evil, and none was given"):
        load_network(path)
    assert "evil_module" not in sys.modules


@pytest.mark.parametrize("content", [torch.zeros(2), [], {"about": {}}, "text", 3])
def test_another_file_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(DataError, match="not a network that --export wrote"):
        load_network(tmp_path / "a.pt")
