"""The networks: held to a plain one of torch's own modules."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.spaces import load_space
from harness.spaces.macro.encoding import Arch, parse_arch
from harness.spaces.values import NetworkShape

SPACE = load_space("macro")
SHAPE = NetworkShape(channels=8, cells=1, image_size=16, image_channels=3, classes=5)
ARCHS = [parse_arch(t) for t in ("00000000", "12212212", "21012120", "02100201", "10020010")]


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


class NaiveBlock(nn.Module):
    def __init__(self, digit: int, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.adds = digit > 0 and stride == 1 and c_in == c_out
        if digit == 0:
            self.path: nn.Module = nn.Identity() if stride == 1 else conv_bn(c_in, c_out, 1, stride)
            return
        kernel, hidden = {1: (3, 3 * c_in), 2: (5, 6 * c_in)}[digit]
        self.path = nn.Sequential(
            *(conv_bn(c_in, hidden, 1, 1), nn.ReLU()),
            *(conv_bn(hidden, hidden, kernel, stride, hidden), nn.ReLU()),
            conv_bn(hidden, c_out, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.path(x) if self.adds else self.path(x)


def make_naive(text: str, shape: NetworkShape) -> nn.Sequential:
    """Make the network of a string as it is written, identities in their places."""
    c = shape.channels
    layers: list[nn.Module] = [conv_bn(shape.image_channels, c // 2, 3, 1), nn.ReLU()]
    c_in = c // 2
    widths = [c, c, *[2 * c] * 3, *[4 * c] * 3]
    for digit, c_out, first in zip(text, widths, "10100100", strict=True):
        layers.append(NaiveBlock(int(digit), c_in, c_out, 1 + int(first)))
        c_in = c_out
    layers += [conv_bn(c_in, 20 * c, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(20 * c, shape.classes))


def make_images(n: int = 6) -> Tensor:
    images = torch.randn(n, 3, 16, 16, dtype=torch.float64, generator=torch.manual_seed(0))
    return images.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("arch", ARCHS, ids=str)
def test_a_network_alone_computes_and_learns_what_the_plain_one_does(arch: Arch) -> None:
    ours = SPACE.networks(SHAPE).standalone(arch, [3]).double()
    naive = make_naive(str(arch), SHAPE).double()
    with torch.no_grad():  # the layers follow one another in both
        for theirs, own in zip(naive.parameters(), ours.parameters(), strict=True):
            theirs.copy_(own)
    labels = torch.arange(6) % SHAPE.classes
    for network in (ours, naive):
        F.cross_entropy(network(make_images()).flatten(1), labels).backward()
    for theirs, own in zip(naive.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(own.grad, theirs.grad, rtol=1e-9, atol=1e-12)
    for network in (ours, naive):
        network.eval()  # by the running statistics of that one pass
    torch.testing.assert_close(ours(make_images())[:, 0], naive(make_images()))


def test_a_path_of_the_supernet_computes_what_the_plain_one_does() -> None:
    supernet = SPACE.networks(SHAPE).supernet(1).double()
    for arch in ARCHS:
        naive = make_naive(str(arch), SHAPE).double()
        own = dict(supernet.named_parameters())
        kinds = ("stem", "head", "classifier")
        used = [
            value
            for name, value in own.items()
            if name.startswith(kinds) or name.split(".")[1] in used_blocks(arch)
        ]
        theirs = [p for name, p in naive.named_parameters() if is_in_supernet(name, naive)]
        with torch.no_grad():
            for target, value in zip(theirs, used, strict=True):
                target.copy_(value)
            torch.testing.assert_close(supernet(make_images(), arch), naive(make_images()))


def used_blocks(arch: Arch) -> set[str]:
    names = ("identity", "mbconv3_e3", "mbconv5_e6")
    return {f"{place}_{names[choice]}" for place, choice in arch.trained_as.weighted}


def is_in_supernet(name: str, naive: nn.Sequential) -> bool:
    """Say whether a parameter is not batch norm's in a block, which has none in a supernet."""
    block = isinstance(naive[int(name.split(".")[0])], NaiveBlock)
    return not block or naive.get_parameter(name).dim() > 1


def test_weights_of_a_path_belong_to_the_places_where_it_was_trained() -> None:
    supernet, images = SPACE.networks(SHAPE).supernet(0), make_images().float()
    with torch.no_grad():
        one, same, swapped = (
            supernet(images, parse_arch(text)) for text in ("11102200", "11120200", "11210200")
        )
    assert torch.equal(one, same)
    assert not torch.equal(one, swapped)
