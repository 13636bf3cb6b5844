"""Second derivatives of our own are true derivatives, and those that torch has."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.estimators.zero_cost.twice_derived import BatchNorm, Convolution, Form

SCALE = torch.tensor([0.5, -2.0], dtype=torch.float64)
SHIFT = torch.tensor([0.1, 0.2], dtype=torch.float64)
EPS = 1e-4


def normalise(x: Tensor) -> Tensor:
    y: Tensor = BatchNorm.apply(x, SCALE, SHIFT, EPS)
    return y


def draw() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 2, 2, 2, generator=generator, dtype=torch.float64).requires_grad_()


def test_it_is_torchs() -> None:
    x = draw()
    assert torch.equal(
        normalise(x), F.batch_norm(x, None, None, SCALE, SHIFT, training=True, eps=EPS)
    )


def test_both_derivatives_are_those_that_finite_differences_have() -> None:
    assert torch.autograd.gradcheck(normalise, draw())
    assert torch.autograd.gradgradcheck(normalise, draw())


@pytest.mark.parametrize("spread", [1e-3, 1e-1])
def test_the_second_derivative_is_torchs_where_the_variance_is_small(spread: float) -> None:
    def derive(batch_norm: object) -> Tensor:
        x = draw()
        assert callable(batch_norm)
        y = batch_norm(spread * x)
        (first,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad((first * x.detach().sin()).sum(), x)
        return second

    def of_torch(x: Tensor) -> Tensor:
        return F.batch_norm(x, None, None, SCALE, SHIFT, training=True, eps=EPS)

    torch.testing.assert_close(derive(normalise), derive(of_torch), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "form", [Form(), Form(2, 1), Form((1, 2), (1, 0)), Form(1, 1, 2), Form(1, 1, 1, 2)], ids=str
)
@pytest.mark.parametrize("trained", [True, False])
def test_a_convolution_has_both_derivatives(form: Form, trained: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 2, 6, 6, generator=generator, dtype=torch.float64).requires_grad_()
    shape = (4, 2 // form.groups, 3, 3)
    weight = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_(trained)

    def convolve(x: Tensor, weight: Tensor) -> Tensor:
        y: Tensor = Convolution.apply(x, weight, form)
        return y

    assert torch.equal(convolve(x, weight), F.conv2d(x, weight, None, *form))
    assert torch.autograd.gradcheck(convolve, (x, weight))
    assert torch.autograd.gradgradcheck(convolve, (x, weight))
