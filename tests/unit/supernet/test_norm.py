"""The norms: held to torch's own batch norm and to statistics worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from harness.supernet.norm import RecalibratedNorm, RunningNorm, batch_norm

EPS = 1e-5
"""What torch adds to the variance."""


def make_batches(n: int, channels: int = 3) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [(1 + k) * torch.randn(6, channels, 4, 4, generator=generator) + k for k in range(n)]


def test_batch_norm_is_torchs_in_training_without_memory() -> None:
    (x,) = make_batches(1)
    assert torch.equal(batch_norm(x, None, None), nn.BatchNorm2d(3, affine=False)(x))


def test_running_norm_is_torchs_bit_for_bit_in_training_and_evaluation() -> None:
    torchs = [nn.BatchNorm2d(3), nn.BatchNorm2d(5)]
    with torch.no_grad():
        for module in torchs:
            module.weight.uniform_(0.5, 2)
            module.bias.uniform_(-1, 1)
    norm = RunningNorm()
    batches = list(zip(make_batches(4, 3), make_batches(4, 5), strict=True))
    for step, xs in enumerate(batches):
        training = step < 3
        norm.start_pass(training)
        for x, module in zip(xs, torchs, strict=True):
            module.train(training)
            assert torch.equal(norm(x, module.weight, module.bias), module(x))


def test_running_norm_stands_still_in_evaluation() -> None:
    first, second = make_batches(2)
    norm = RunningNorm()
    norm.start_pass(training=True)(first, None, None)
    before = norm.start_pass(training=False)(first, None, None)
    norm.start_pass(training=False)(second, None, None)
    assert torch.equal(norm.start_pass(training=False)(first, None, None), before)


def test_one_recalibration_batch_gives_its_own_statistics_with_the_unbiased_variance() -> None:
    x = make_batches(1)[0].double()
    norm = RecalibratedNorm()
    measured = norm.start_pass(measuring=True)(x, None, None)
    assert torch.equal(measured, batch_norm(x, None, None))
    n = x.numel() // x.shape[1]
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    biased = ((x - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
    expected = (x - mean) / (biased * n / (n - 1) + EPS).sqrt()
    used = norm.start_pass(measuring=False)(x, None, None)
    torch.testing.assert_close(used, expected, rtol=1e-10, atol=1e-10)  # float64
    ratio = ((biased + EPS) / (biased * n / (n - 1) + EPS)).sqrt()
    torch.testing.assert_close(used, measured * ratio, rtol=1e-10, atol=1e-10)


def test_recalibrated_statistics_are_the_plain_average_over_batches_and_sites() -> None:
    norm = RecalibratedNorm()
    batches = make_batches(3)
    for x in batches:
        norm.start_pass(measuring=True)
        norm(x, None, None)
        norm(-2 * x, None, None)  # a second site
    mean = torch.stack([x.mean(dim=(0, 2, 3)) for x in batches]).mean(dim=0)
    variance = torch.stack([x.var(dim=(0, 2, 3)) for x in batches]).mean(dim=0)
    x = batches[0]
    norm.start_pass(measuring=False)
    for site_mean, site_variance in ((mean, variance), (-2 * mean, 4 * variance)):
        expected = (x - site_mean.view(1, -1, 1, 1)) / (
            site_variance.view(1, -1, 1, 1) + EPS
        ).sqrt()
        # float32: the averages are summed in another order
        torch.testing.assert_close(norm(x, None, None), expected, rtol=1e-5, atol=1e-5)


def test_using_recalibrated_statistics_does_not_change_them() -> None:
    first, second = make_batches(2)
    norm = RecalibratedNorm()
    norm.start_pass(measuring=True)(first, None, None)
    before = norm.start_pass(measuring=False)(first, None, None)
    norm.start_pass(measuring=False)(second, None, None)
    assert torch.equal(norm.start_pass(measuring=False)(first, None, None), before)


@pytest.mark.parametrize("training", [True, False])
def test_the_affine_map_is_applied_after_normalising(training: bool) -> None:
    (x,) = make_batches(1)
    weight, bias = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 1.0, -1.0])
    norm = RecalibratedNorm()
    norm.start_pass(measuring=True)(x, None, None)
    plain = norm.start_pass(measuring=training)(x, None, None)
    mapped = norm.start_pass(measuring=training)(x, weight, bias)
    expected = plain * weight.view(1, -1, 1, 1) + bias.view(1, -1, 1, 1)
    torch.testing.assert_close(mapped, expected, rtol=1e-5, atol=1e-6)  # one rounding apart
