"""Fast gradients of depthwise convolutions, held to torch's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from harness.spaces import load_space
from harness.spaces.values import NetworkShape
from harness.supernet.depthwise import depthwise_conv2d, stuffed_gradient, weight_gradient

SIZES = [(8, 8), (7, 7), (9, 6), (5, 5), (4, 4), (2, 2), (1, 3)]
CASES = [(kernel, stride, size) for kernel in (3, 5, 7) for stride in (1, 2) for size in SIZES]


def plain(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Compute the same by torch alone."""
    return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, groups=len(weight))


def draw(kernel: int, size: tuple[int, int], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Draw an input of 2 images and 3 channels, and a weight; both want gradients."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 3, *size), (3, 1, kernel, kernel))
    drawn = [torch.randn(shape, dtype=dtype, generator=generator) for shape in shapes]
    drawn[0] = drawn[0].contiguous(memory_format=torch.channels_last)
    return [tensor.requires_grad_() for tensor in drawn]


@pytest.mark.parametrize(("kernel", "stride", "size"), CASES)
def test_both_gradients_are_those_of_torch(kernel: int, stride: int, size: tuple[int, int]) -> None:
    x, weight = draw(kernel, size)
    y = plain(x, weight, stride)
    g = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    by_x, by_weight = torch.autograd.grad(y, [x, weight], g)
    torch.testing.assert_close(stuffed_gradient(x, weight, g, stride), by_x)
    torch.testing.assert_close(weight_gradient(x, kernel, g, stride), by_weight)
    ours = depthwise_conv2d(x, weight, stride)
    assert torch.equal(ours, y)
    for gradient, expected in zip(
        torch.autograd.grad(ours, [x, weight], g), (by_x, by_weight), strict=True
    ):
        torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_first_and_second_derivatives_are_those_of_differences(stride: int) -> None:
    x, weight = draw(5, (5, 6))

    def compute(x: Tensor, weight: Tensor) -> Tensor:
        return depthwise_conv2d(x, weight, stride)

    assert torch.autograd.gradcheck(compute, (x, weight))
    assert torch.autograd.gradgradcheck(compute, (x, weight))


@pytest.mark.parametrize("which", [0, 1], ids=["input", "weight"])
def test_only_the_gradient_that_is_wanted_is_computed(which: int) -> None:
    tensors = draw(5, (6, 6))
    tensors[1 - which].requires_grad_(False)
    depthwise_conv2d(tensors[0], tensors[1], 2).sum().backward()
    assert tensors[which].grad is not None
    assert tensors[1 - which].grad is None


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_autocast_computes_in_bf16_with_gradients_to_its_precision(
    kernel: int, stride: int
) -> None:
    x, weight = draw(kernel, (8, 8), torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y = depthwise_conv2d(x, weight, stride)
    assert y.dtype == torch.bfloat16
    g = torch.ones_like(y)
    ours = torch.autograd.grad(y, [x, weight], g)
    expected = torch.autograd.grad(plain(x, weight, stride), [x, weight], g.float())
    for gradient, exact in zip(ours, expected, strict=True):
        assert gradient.dtype == torch.float32
        # sums of up to 128 terms, with 8 bits of mantissa in the operands and in the result
        torch.testing.assert_close(gradient, exact, rtol=0.02, atol=0.02 * float(exact.abs().max()))


def test_whoever_intercepts_calls_of_torch_sees_a_convolution() -> None:
    seen = []

    class Watch(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            seen.append(func)
            return func(*args, **(kwargs or {}))

    x, weight = draw(5, (6, 6))
    with Watch():
        y = depthwise_conv2d(x, weight, 1)
    assert seen.count(F.conv2d) == 1
    assert "Convolution" in type(y.grad_fn).__name__


class SlowGradients(TorchDispatchMode):
    """Notes what has no fast implementation on CPUs."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is torch.ops.aten.convolution_backward.default:
            g, _, weight, _, stride, *_, groups, wanted = args
            if groups > 1 and wanted[1] and weight.shape[3] > 3:
                self.found.append(f"weight {tuple(weight.shape)}")
            if groups > 1 and wanted[0] and stride[0] > 1 and g.dtype == torch.bfloat16:
                self.found.append(f"input {tuple(weight.shape)}")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("is_bf16", [False, True], ids=["float32", "bf16"])
def test_training_a_network_of_macro_computes_no_slow_gradient(is_bf16: bool) -> None:
    space = load_space("macro")
    network = space.networks(NetworkShape(4, 1, 16, 3, 10)).supernet(0)
    images = torch.randn(2, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    for arch in ("22222222", "11111111"):
        with torch.autocast("cpu", torch.bfloat16, is_bf16):
            loss = network(images, space.parse(arch)).sum()
        with SlowGradients() as slow:
            loss.backward()
        assert slow.found == []
