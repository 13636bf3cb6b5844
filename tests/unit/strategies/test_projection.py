"""Projectors and the patches they are fed, each held to a naive computation."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import UsageError
from harness.strategies.ogd_settings import OgdSettings
from harness.strategies.projection import (
    F32_ALPHA,
    PROJECTORS,
    CovarianceProjector,
    Projector,
    RlsProjector,
    make_projector,
)
from harness.supernet.patches import PATCH_IMAGES, Draws, LayerInput
from tests.tiny import randn

pytestmark = pytest.mark.usefixtures("float64")

CPU = torch.device("cpu")
EXACT = {"rtol": 1e-9, "atol": 1e-12}
"""float64 through a handful of small matrix products."""

CASES = [(3, 1), (3, 2), (1, 1), (1, 2)]
"""(kernel, stride)"""


def make(name: str, d: int, **settings: float) -> Projector:
    known = OgdSettings(projector=name).stored()
    own = {key: value for key, value in settings.items() if key in known}
    return make_projector(d, CPU, OgdSettings(projector=name, **own))


def naive_patches(images: Tensor, kernel: int, stride: int) -> list[list[Tensor]]:
    """Cut patches out one by one, by image and position, each flat in (y, x, channel) order."""
    pad = kernel // 2
    n, channels, height, width = images.shape
    padded = torch.zeros(n, channels, height + 2 * pad, width + 2 * pad)
    padded[:, :, pad : pad + height, pad : pad + width] = images
    return [
        [
            padded[image, :, y : y + kernel, x : x + kernel].permute(1, 2, 0).reshape(-1)
            for y in range(0, height, stride)
            for x in range(0, width, stride)
        ]
        for image in range(n)
    ]


def whole_numbers(*shape: int, seed: int = 0) -> Tensor:
    """Values that float32 holds exactly, since layer inputs are kept in float32."""
    return torch.randint(-99, 100, shape, generator=torch.Generator().manual_seed(seed)).double()


def test_there_are_the_three_projectors_and_an_unknown_one_is_refused() -> None:
    assert set(PROJECTORS) == {"rls", "covariance", "nullspace"}
    with pytest.raises(UsageError, match=r"projector = 'rsl': .*'covariance', 'nullsp"):
        OgdSettings.read({"projector": "rsl"})


@pytest.mark.parametrize("name", PROJECTORS)
def test_with_nothing_stored_an_update_passes_unchanged(name: str) -> None:
    projector = make(name, 6)
    update = randn(4, 6)
    assert projector.matrix() is None
    assert projector.plasticity == 1.0
    assert torch.equal(projector.project(update), update)


@pytest.mark.parametrize("name", PROJECTORS)
def test_a_layer_that_was_fed_zeros_has_nothing_to_protect(name: str) -> None:
    projector = make(name, 6)
    for _ in range(3):
        projector.store(torch.zeros(2, 6))
    update = randn(4, 6)
    assert torch.equal(projector.project(update), update)
    projector.store(randn(2, 6))
    assert projector.plasticity < 1.0


@pytest.mark.parametrize("name", ["covariance", "nullspace"])
def test_p_of_zeros_is_the_identity_where_it_is_not_read_that_they_are(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    projector = make(name, 6)
    monkeypatch.setattr(projector, "_is_empty", lambda: False)  # as on a GPU
    projector.store(torch.zeros(2, 6))
    torch.testing.assert_close(projector.matrix(), torch.eye(6), rtol=0, atol=0)


def test_covariance_is_inverted_the_same_where_a_failure_is_not_read() -> None:
    read, unread = make("covariance", 24, c=0.5), make("covariance", 24, c=0.5)
    unread.device = torch.device("meta")
    assert isinstance(read, CovarianceProjector)
    assert isinstance(unread, CovarianceProjector)
    patches = randn(40, 24)
    factor = torch.linalg.cholesky(torch.eye(24) + patches.T @ patches)
    torch.testing.assert_close(unread._invert(factor), read._invert(factor), **EXACT)


@pytest.mark.parametrize("name", PROJECTORS)
def test_p_of_what_is_no_number_is_none_either(name: str) -> None:
    projector = make(name, 6)  # patches of a step on a GPU, whose loss was not read yet
    projector.store(torch.full((2, 6), torch.nan))
    p = projector.matrix()
    assert p is not None
    assert p.isnan().all()


def test_rls_equals_its_closed_form() -> None:
    d, alpha = 12, 0.3
    projector = make("rls", d, alpha=alpha)
    stored = randn(7, d) * torch.logspace(-3, 3, 7).view(-1, 1)
    projector.store(stored[:3])
    projector.store(stored[3:])
    a = (stored * (d**0.5 / stored.norm(dim=1, keepdim=True))).T
    expected = alpha * torch.linalg.inv(alpha * torch.eye(d) + a @ a.T)
    torch.testing.assert_close(projector.matrix(), expected, **EXACT)


def test_rls_forgets_at_a_new_epoch_and_covariance_does_not() -> None:
    for name, forgets in (("rls", True), ("covariance", False)):
        projector = make(name, 6)
        projector.store(randn(3, 6))
        projector.new_epoch()
        assert (projector.matrix() is None) == forgets
        assert (projector.plasticity == 1.0) == forgets


def test_rls_stays_positive_and_symmetric_through_five_thousand_updates() -> None:
    d = 64
    projector = make("rls", d, alpha=1e-5)  # in float32 this goes indefinite
    for x in randn(5_000, d).abs():  # all in one orthant, as features after a ReLU are
        projector.store(x.view(1, -1))
    p = projector.matrix()
    assert p is not None
    # rounding alone: 5,000 updates of entries of at most 1, at 1e-16 each
    torch.testing.assert_close(p, p.T, rtol=0, atol=1e-12)
    eigenvalues = torch.linalg.eigvalsh((p + p.T) / 2)
    assert eigenvalues.min() >= -1e-12
    assert eigenvalues.max() <= 1 + 1e-12


def test_covariance_equals_the_direct_inverse_of_the_bias_corrected_average() -> None:
    d, c, beta = 8, 0.7, 0.9
    projector = make("covariance", d, c=c, beta=beta, refresh=1)
    batches = [randn(m, d, seed=m) for m in (5, 20, 3)]
    r = torch.zeros(d, d)
    for batch in batches:
        projector.store(batch)
        r = beta * r + (1 - beta) * sum(torch.outer(x, x) for x in batch) / len(batch)
    corrected = r / (1 - beta ** len(batches))
    a = c * corrected.trace() / d
    expected = torch.linalg.inv(torch.eye(d) + corrected / a)
    torch.testing.assert_close(projector.matrix(), expected, **EXACT)


def test_covariance_of_one_batch_is_that_batchs_own_whatever_beta_is() -> None:
    batch = randn(30, 5)
    matrices = []
    for beta in (0.0, 0.5, 0.999):
        projector = make("covariance", 5, beta=beta)
        projector.store(batch)
        matrices.append(projector.matrix())
    torch.testing.assert_close(matrices[0], matrices[1], **EXACT)
    torch.testing.assert_close(matrices[0], matrices[2], **EXACT)


def test_covariance_is_factorised_first_and_then_every_few_updates() -> None:
    projector = make("covariance", 5, refresh=3)
    seen = []
    for k in range(7):
        projector.store(randn(4, 5, seed=k))
        p = projector.matrix()
        assert p is not None
        seen.append(p.clone())
    changed = [not torch.equal(a, b) for a, b in itertools.pairwise(seen)]
    assert changed == [False, True, False, False, True, False]  # updates 3 and 6


@pytest.mark.parametrize("name", PROJECTORS)
def test_a_smaller_strength_lets_more_through(name: str) -> None:
    stored = randn(4, 6)
    plasticities = []
    for strength in (0.01, 1.0, 100.0):
        projector = make(name, 6, alpha=strength, c=strength, threshold=strength)
        projector.store(stored)
        plasticities.append(projector.plasticity)
    assert plasticities == sorted(plasticities)
    assert plasticities[0] < plasticities[-1]


def test_nullspace_keeps_the_directions_whose_eigenvalue_is_at_most_the_threshold() -> None:
    # R = diag(9, 4, 1, 1, 0, 0) / 6: eigenvalues 3.6, 1.6, 0.4, 0.4, 0 and 0 times their mean
    patches = torch.diag(torch.tensor([9.0, 4.0, 1.0, 1.0, 0.0, 0.0]).sqrt())
    for threshold, free in ((0.3, [4, 5]), (0.5, [2, 3, 4, 5]), (2.0, [1, 2, 3, 4, 5])):
        projector = make("nullspace", 6, threshold=threshold)
        projector.store(patches)
        expected = torch.zeros(6)
        expected[free] = 1
        torch.testing.assert_close(projector.matrix(), torch.diag(expected), **EXACT)
        assert projector.plasticity == pytest.approx(len(free) / 6)


def test_rls_stores_no_mean_that_is_only_rounding() -> None:
    projector = make("rls", 6)
    projector.store(1e-7 * torch.randn(3, 6))
    assert projector.matrix() is None or torch.equal(projector.matrix(), torch.eye(6))
    projector.store(1e-2 * torch.randn(1, 6))
    assert not torch.equal(projector.matrix(), torch.eye(6))


def test_nullspace_that_keeps_everything_is_the_identity_and_nothing_is_zero() -> None:
    for threshold, scale in ((2.0, 1.0), (0.5, 0.0)):
        projector = make("nullspace", 4, threshold=threshold)
        projector.store(torch.eye(4))
        torch.testing.assert_close(projector.matrix(), scale * torch.eye(4), **EXACT)


@pytest.mark.parametrize("name", PROJECTORS)
def test_a_new_strength_holds_from_the_next_update_on(name: str) -> None:
    changed, strong = make(name, 6, refresh=1), make(name, 6, alpha=0.1, c=0.1, threshold=0.1)
    changed.strength = 0.1
    for projector in (changed, strong):
        projector.store(randn(4, 6))
    assert torch.equal(changed.matrix(), strong.matrix())
    assert changed.plasticity < 0.5


@pytest.mark.parametrize("name", PROJECTORS)
def test_a_saved_projector_goes_on_exactly(name: str) -> None:
    whole, half = make(name, 6, refresh=2), make(name, 6, refresh=2)
    for k in range(5):
        whole.store(randn(4, 6, seed=k))
        if k < 3:
            half.store(randn(4, 6, seed=k))
    resumed = make(name, 6, refresh=2)
    resumed.load_state_dict(half.state_dict())
    for k in (3, 4):
        resumed.store(randn(4, 6, seed=k))
    assert torch.equal(resumed.matrix(), whole.matrix())
    assert {k: v.tolist() for k, v in resumed.state_dict().items()} == {
        k: v.tolist() for k, v in whole.state_dict().items()
    }


@pytest.mark.parametrize("name", PROJECTORS)
def test_a_projector_saved_before_anything_was_stored_is_the_identity(name: str) -> None:
    resumed = make(name, 6)
    resumed.store(randn(4, 6))
    resumed.load_state_dict(make(name, 6).state_dict())
    assert resumed.matrix() is None


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", PROJECTORS)
def test_projecting_a_convolutions_update_is_projecting_its_im2col_matrix(
    name: str, memory_format: torch.memory_format
) -> None:
    update = randn(5, 3, 3, 3).contiguous(memory_format=memory_format)
    images = whole_numbers(2, 3, 4, 4)
    projector = make(name, 27)
    layer = LayerInput(images, update, stride=1)
    projector.store(layer.random_patches(9, Draws(0)).double())
    projected = projector.project(update)
    assert projected.shape == update.shape
    p = projector.matrix()
    assert p is not None
    flat = torch.stack([kernel.permute(1, 2, 0).flatten() for kernel in update]) @ p
    columns = torch.stack([patch for image in naive_patches(images, 3, 1) for patch in image])
    expected = (columns @ flat.T).view(2, 4, 4, 5).permute(0, 3, 1, 2)
    torch.testing.assert_close(F.conv2d(images, projected, padding=1), expected, **EXACT)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_rls_with_alpha_near_zero_leaves_outputs_on_stored_inputs_alone(
    memory_format: torch.memory_format,
) -> None:
    update = randn(5, 4, 3, 3).contiguous(memory_format=memory_format)
    image, other = whole_numbers(1, 4, 3, 3), whole_numbers(1, 4, 3, 3, seed=1)
    projector = make("rls", 36, alpha=1e-10)
    layer = LayerInput(image, update, stride=1)
    for seed in range(20):  # 9 positions: each is drawn, and again
        projector.store(layer.random_patches(9, Draws(seed)).double())
    projected = projector.project(update)

    def change(x: Tensor, weight: Tensor) -> float:
        return F.conv2d(x, weight, padding=1).norm().item()

    assert change(image, projected) < 1e-6 * change(image, update)
    assert change(other, projected) > 0.1 * change(other, update)  # 27 of 36 directions are free


def test_an_update_keeps_its_own_precision() -> None:
    projector = make("rls", 6)
    projector.store(randn(2, 6))
    update = randn(4, 6).float()
    projected = projector.project(update)
    assert projected.dtype == torch.float32
    torch.testing.assert_close(
        projected.double(), projector.project(update.double()), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(("kernel", "stride"), CASES)
def test_random_patches_are_true_patches_of_the_input_and_any_can_be_drawn(
    kernel: int, stride: int
) -> None:
    images = whole_numbers(3, 2, 4, 4)
    layer = LayerInput(images, torch.zeros(4, 2, kernel, kernel), stride)
    patches = layer.random_patches(2_000, Draws(0))
    assert patches.shape == (2_000, 2 * kernel**2)
    naive = {tuple(p.tolist()) for image in naive_patches(images, kernel, stride) for p in image}
    # 48 patches at most: to miss one in 2,000 draws has a chance of 48 * (47/48)^2000 < 1e-16
    assert {tuple(patch.tolist()) for patch in patches} == naive


def test_random_patches_of_a_large_batch_come_from_a_few_images_chosen_by_the_generator() -> None:
    n = 5 * PATCH_IMAGES
    images = torch.arange(float(n)).view(n, 1, 1, 1).expand(n, 1, 4, 4)  # pixels say whose they are
    layer = LayerInput(images, torch.zeros(4, 1, 1, 1), 1)

    def draw(seed: int) -> list[float]:
        draws = Draws(seed)
        return layer.random_patches(100 * PATCH_IMAGES, draws).flatten().tolist()

    assert len(set(draw(0))) == PATCH_IMAGES
    assert draw(0) == draw(0)
    assert set(draw(0)) != set(draw(1))


def test_random_patches_of_a_linear_layer_are_rows_of_its_input() -> None:
    inputs = whole_numbers(9, 4)
    layer = LayerInput(inputs, torch.zeros(3, 4), 1)
    patches = layer.random_patches(5, Draws(0))
    assert patches.shape == (5, 4)
    assert {tuple(row) for row in patches.tolist()} <= {tuple(row) for row in inputs.tolist()}
    every = layer.random_patches(100, Draws(0))
    assert sorted(every.tolist()) == sorted(inputs.tolist())


@pytest.mark.parametrize(("kernel", "stride"), CASES)
def test_the_mean_patch_is_the_mean_of_all_patches(kernel: int, stride: int) -> None:
    images = whole_numbers(3, 2, 6, 6)
    layer = LayerInput(images, torch.zeros(4, 2, kernel, kernel), stride)
    naive = torch.stack([p for image in naive_patches(images, kernel, stride) for p in image])
    expected = naive.mean(dim=0, keepdim=True)
    # the layer's input is float32: seven digits of values of some tens
    torch.testing.assert_close(layer.mean_patch().double(), expected, rtol=1e-5, atol=1e-4)


def test_the_mean_patch_of_a_linear_layer_is_its_mean_input() -> None:
    inputs = whole_numbers(9, 4)
    mean = LayerInput(inputs, torch.zeros(3, 4), 1).mean_patch()
    torch.testing.assert_close(
        mean.double(), inputs.mean(dim=0, keepdim=True), rtol=1e-5, atol=1e-4
    )


def test_a_layers_input_is_cut_off_from_the_graph() -> None:
    inputs = randn(2, 1, 4, 4).requires_grad_()
    assert not LayerInput(inputs * 2, torch.zeros(3, 1, 3, 3), 1).inputs.requires_grad


def test_each_projector_samples_what_it_stores() -> None:
    layer = LayerInput(whole_numbers(4, 2, 4, 4), torch.zeros(3, 2, 3, 3), 1)
    draws = Draws(0)
    rls = RlsProjector(18, CPU, OgdSettings())
    covariance = CovarianceProjector(18, CPU, OgdSettings(projector="covariance", patches=7))
    assert torch.equal(rls.sample(layer, draws), layer.mean_patch())
    assert covariance.sample(layer, draws).shape == (7, 18)


@pytest.mark.parametrize(("name", "stored"), [("rls", [0, 1, 2, 3, 4]), ("covariance", [0, 2, 4])])
def test_rls_learns_from_every_use_of_a_layer_and_covariance_from_every_second(
    name: str, stored: list[int]
) -> None:
    torch.set_default_dtype(torch.float32)  # as patches are
    layers = [
        LayerInput(whole_numbers(4, 2, 4, 4, seed=k), torch.zeros(3, 2, 3, 3), 1) for k in range(5)
    ]
    draws = Draws(0)
    used, direct = make(name, 18, refresh=2), make(name, 18, refresh=2)
    for k, layer in enumerate(layers):
        used.observe(layer, draws)
        if k in stored:
            direct.store(direct.sample(layer, draws))
        resumed = make(name, 18, refresh=2)
        resumed.load_state_dict(used.state_dict())
        used = resumed  # wherever it is saved
    assert torch.equal(used.matrix(), direct.matrix())


def test_places_do_not_depend_on_what_was_asked_for_before() -> None:
    layer = LayerInput(whole_numbers(20, 2, 6, 6), torch.zeros(3, 2, 3, 3), 1)
    linear = LayerInput(whole_numbers(20, 4), torch.zeros(3, 4), 1)
    first, second = Draws(0), Draws(0)
    patches, rows = layer.random_patches(9, first), linear.random_patches(9, first)
    assert torch.equal(linear.random_patches(9, second), rows)
    assert torch.equal(layer.random_patches(9, second), patches)


def test_layers_of_one_step_are_looked_at_in_the_same_places() -> None:
    images = whole_numbers(20, 2, 6, 6)
    first, second = (LayerInput(x, torch.zeros(3, 2, 3, 3), 1) for x in (images, -images))
    draws = Draws(0)
    assert torch.equal(first.random_patches(9, draws), -second.random_patches(9, draws))
    others = Draws(1)
    assert not torch.equal(first.random_patches(9, draws), first.random_patches(9, others))


def test_patches_of_a_bf16_layer_are_float32() -> None:
    layer = LayerInput(whole_numbers(4, 2, 4, 4).bfloat16(), torch.zeros(3, 2, 3, 3), 1)
    draws = Draws(0)
    assert layer.random_patches(9, draws).dtype == torch.float32
    assert layer.mean_patch().dtype == torch.float32


def test_rls_in_float32_stays_with_float64_where_alpha_allows_it() -> None:
    d = 64
    patches = randn(2_000, d).abs()  # all in one orthant: the hardest, as features are
    exact = make("rls", d, alpha=F32_ALPHA)
    torch.set_default_dtype(torch.float32)
    fast, small = make("rls", d, alpha=F32_ALPHA), make("rls", d, alpha=F32_ALPHA / 2)
    for projector in (exact, fast, small):
        projector.store(patches)
    p, expected = fast.matrix(), exact.matrix()
    assert p is not None
    assert p.dtype == torch.float32
    # one part in 10^7 a step, of entries up to 1; measured: 2.5e-5 after 5,000 steps at d = 144
    torch.testing.assert_close(p.double(), expected, rtol=0, atol=1e-4)
    assert torch.linalg.eigvalsh(p.double()).min() >= -1e-6
    assert small.matrix().dtype == torch.float64  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [F32_ALPHA, 1.0])
def test_rls_in_float32_stays_bounded_through_twenty_thousand_updates_without_a_reset(
    alpha: float,
) -> None:
    d = 576  # the largest layer of the benchmark's network
    mean = torch.rand(d, generator=torch.Generator().manual_seed(0))
    basis = torch.linalg.qr(randn(d, d, seed=1)).Q
    spread = 0.3 * torch.arange(1, d + 1) ** -1.5
    exact = make("rls", d, alpha=alpha)
    torch.set_default_dtype(torch.float32)
    fast = make("rls", d, alpha=alpha)
    for k in range(20):  # nearly the same patch again and again, as mean features are
        noise = randn(1_000, d, seed=k + 2).double() * spread.double()
        patches = (mean + noise @ basis.T).relu()
        exact.store(patches)
        fast.store(patches.float())
    p, expected = fast.matrix(), exact.matrix()
    assert p is not None
    assert (p.dtype, expected.dtype) == (torch.float32, torch.float64)  # type: ignore[union-attr]
    torch.testing.assert_close(p, p.T, rtol=0, atol=1e-6)
    # measured: 2.1e-4 at alpha = 0.1, 6.1e-5 at 1
    torch.testing.assert_close(p.double(), expected, rtol=0, atol=1e-3)
    eigenvalues = torch.linalg.eigvalsh(((p + p.T) / 2).double())
    assert eigenvalues.min() > -1e-6
    assert eigenvalues.max() < 1 + 1e-6
