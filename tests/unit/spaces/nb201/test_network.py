"""The networks: held to the naive reference, and to the laws of weight sharing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.spaces.nb201.encoding import (
    CONV_OPS,
    OPS,
    Arch,
    arch_at,
    enumerate_archs,
    sample_indices,
)
from harness.spaces.nb201.network import NB201SuperNet, StandaloneNetwork
from harness.spaces.values import NetworkShape
from harness.supernet import layers
from tests.reference import NaiveNetwork, copy_weights, naive_name

SHAPE = NetworkShape(channels=4, cells=2, image_size=8, image_channels=3, classes=5)
ARCHS = [arch_at(index) for index in sample_indices(28)]
DISCONNECTED = [arch for arch in enumerate_archs() if not arch.is_live]
FED_ZEROS = Arch((0, 0, 3, 3, 3, 2))
"""Nodes 1 and 2 are fed by nothing but zeros, and hand them on through convolutions."""

# One layer's sum of 9 * 16 products, taken in another order, differs by about 1e-7 of its size in
# float32; some 30 layers and batch norm, which rescales, leave well under 1e-5 of logits of
# order one. In float64 the same is 1e-16, and 1e-10 shows that nothing but rounding differs.
TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}


@pytest.fixture(params=TOLERANCES, ids=str)
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


def make_images(n: int = 8, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(n, 3, 8, 8, generator=generator, dtype=torch.float64)
    return images.to(dtype).contiguous(memory_format=torch.channels_last)


def train_step(network: NB201SuperNet, arch: Arch) -> None:
    network.zero_grad(set_to_none=True)
    logits = network(make_images(), arch)
    F.cross_entropy(logits, torch.arange(8) % SHAPE.classes).backward()


def test_a_path_computes_what_the_naive_network_computes(dtype: torch.dtype) -> None:
    supernet = NB201SuperNet(SHAPE, run_seed=1).to(dtype)
    naive = NaiveNetwork(SHAPE, affine=False, running=False).to(dtype)
    copy_weights(supernet, naive)
    images = make_images(dtype=dtype)
    for arch in [*ARCHS, *DISCONNECTED[:3], FED_ZEROS]:
        with torch.no_grad():
            ours, reference = supernet(images, arch), naive(images.contiguous(), arch)
        torch.testing.assert_close(
            ours, reference, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype], msg=str(arch)
        )


def test_the_gradients_of_a_path_are_those_of_the_naive_network() -> None:
    supernet = NB201SuperNet(SHAPE, run_seed=1).double()
    naive = NaiveNetwork(SHAPE, affine=False, running=False).double()
    copy_weights(supernet, naive)
    images, labels = make_images(dtype=torch.float64), torch.arange(8) % SHAPE.classes
    for arch in ARCHS[:6]:
        for network in (supernet, naive):
            network.zero_grad(set_to_none=True)
            F.cross_entropy(network(images, arch), labels).backward()
        for name, parameter in supernet.named_parameters():
            reference = naive.get_parameter(naive_name(name, SHAPE.cells)).grad
            if parameter.grad is None:  # the naive network trains dead edges too, by zeros
                assert reference is None or not reference.any(), name
            else:
                assert reference is not None
                # float64 rounding, grown by a backward pass through batch norm
                torch.testing.assert_close(parameter.grad, reference, rtol=1e-8, atol=1e-10)


@pytest.fixture(scope="module")
def classes() -> list[list[Arch]]:
    """Some equivalence classes of three members or more, among them the dead one."""
    by_class = sorted(enumerate_archs(), key=lambda arch: arch.representative)
    groups = (list(group) for _, group in groupby(by_class, key=lambda arch: arch.representative))
    return [group[:4] for group in groups if len(group) >= 3][::12][:12]


def test_architectures_of_one_class_give_bitwise_equal_outputs(classes: list[list[Arch]]) -> None:
    supernet = NB201SuperNet(SHAPE, run_seed=2)
    images = make_images()
    with torch.no_grad():
        for members in classes:
            outputs = [supernet(images, arch) for arch in members]
            assert all(torch.equal(outputs[0], other) for other in outputs[1:]), members


def test_one_class_computes_one_function_in_the_naive_network_too(
    classes: list[list[Arch]],
) -> None:
    """The naive network computes dead edges as well, and they make no difference to it."""
    naive = NaiveNetwork(SHAPE, affine=False, running=False).double()
    with torch.no_grad():
        for members in classes:
            first, *others = (naive(make_images(dtype=torch.float64), arch) for arch in members)
            for other in others:
                torch.testing.assert_close(other, first, rtol=1e-10, atol=1e-10)  # adds zeros


def test_gradients_exist_only_for_the_live_weights_of_the_path() -> None:
    supernet = NB201SuperNet(SHAPE, run_seed=0)
    for arch in [arch for arch in ARCHS if arch.is_live][:10]:
        train_step(supernet, arch)
        given = {name for name, p in supernet.named_parameters() if p.grad is not None}
        cell_weights = {
            f"cells.{cell}.convs.{key}.weight"
            for cell in range(3 * SHAPE.cells)
            for key in live_keys(arch)
        }
        shared = {n for n, _ in supernet.named_parameters() if not n.startswith("cells.")}
        assert given == cell_weights | shared, arch


def test_without_a_live_path_no_cell_and_no_stem_is_trained() -> None:
    supernet = NB201SuperNet(SHAPE, run_seed=0)
    train_step(supernet, DISCONNECTED[0])
    given = {name for name, p in supernet.named_parameters() if p.grad is not None}
    assert not [name for name in given if name.startswith(("cells.", "stem."))]
    assert "classifier.weight" in given


def live_keys(arch: Arch) -> Iterator[str]:
    pairs = [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    for edge in arch.live_edges:
        if arch.ops[edge] in CONV_OPS:
            yield f"{pairs[edge][0]}from{pairs[edge][1]}_{OPS[arch.ops[edge]]}"


@pytest.mark.parametrize("arch", [ARCHS[0], ARCHS[1], Arch((3,) * 6), DISCONNECTED[0]], ids=str)
def test_the_tap_sees_each_weighted_layer_once_and_its_input_fits_the_weight(arch: Arch) -> None:
    supernet = NB201SuperNet(SHAPE, run_seed=0)
    weights = dict(supernet.named_parameters())
    seen: dict[str, Tensor] = {}

    def tap(name: str, x: Tensor) -> None:
        assert name not in seen
        seen[name] = x

    with torch.no_grad():
        supernet(make_images(), arch, tap=tap)
    n_cells, n_convs = 3 * SHAPE.cells, len(arch.live_conv_edges)
    assert len(seen) == n_cells * n_convs + 1 + 2 * 3 + 1  # stem, reductions, classifier
    for name, x in seen.items():
        weight = weights[name]
        assert x.shape[:2] == (8, weight.shape[1])
        assert x.dim() == weight.dim()
        if name.startswith("cells."):
            stage = int(name.split(".")[1]) // SHAPE.cells
            assert x.shape == (8, 4 * 2**stage, 8 // 2**stage, 8 // 2**stage)
            assert x.min() >= 0  # behind the ReLU


def test_the_input_that_the_tap_sees_makes_the_layer_output() -> None:
    supernet = NB201SuperNet(SHAPE, run_seed=0)
    seen: dict[str, Tensor] = {}
    with torch.no_grad():
        logits = supernet(make_images(), ARCHS[0], tap=seen.__setitem__)
        again = supernet.classifier(seen["classifier.weight"])
    assert torch.equal(again, logits)


def test_a_tap_changes_nothing() -> None:
    supernet = NB201SuperNet(SHAPE, run_seed=0)
    images = make_images()
    with torch.no_grad():
        plain = supernet(images, ARCHS[0])
        assert torch.equal(supernet(images, ARCHS[0], tap=lambda name, x: None), plain)


def test_the_supernets_cells_have_one_weight_an_edge_and_op_and_nothing_else() -> None:
    supernet = NB201SuperNet(SHAPE, run_seed=0)
    names = [name for name, _ in supernet.named_parameters() if name.startswith("cells.")]
    assert len(names) == 3 * SHAPE.cells * 6 * len(CONV_OPS)
    assert all(name.endswith(".weight") for name in names)
    assert not list(supernet.named_buffers())


def test_equal_seeds_give_equal_weights_and_other_seeds_others() -> None:
    first, again, other = (NB201SuperNet(SHAPE, run_seed=seed) for seed in (3, 3, 4))
    for (name, a), b, c in zip(
        first.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(a, b), name
        if "bn_" not in name:
            assert not torch.equal(a, c), name


def test_a_weight_begins_equal_wherever_its_name_occurs() -> None:
    """Initial weights hang on seed and name, not on what else the network holds."""
    supernet = dict(NB201SuperNet(SHAPE, run_seed=3).named_parameters())
    alone = StandaloneNetwork(ARCHS[0], SHAPE, run_seeds=(3,))
    shared = [name for name, _ in alone.named_parameters() if name in supernet]
    assert any(name.startswith("cells.") for name in shared)
    for name in shared:
        assert torch.equal(supernet[name], alone.get_parameter(name)), name


def test_initial_weights_fill_the_range_of_one_over_the_root_of_the_fan_in() -> None:
    shape = NetworkShape(channels=16, cells=1, image_size=8, image_channels=3, classes=10)
    for name, parameter in NB201SuperNet(shape, run_seed=0).named_parameters():
        p = parameter.detach()
        if p.dim() == 4:
            bound = p[0].numel() ** -0.5
            assert p.abs().max() <= bound, name
            assert p.abs().max() > 0.95 * bound, name  # 256 uniform draws at least
            # uniform: sd = bound / sqrt(3); 256 draws know it to about 3 %
            assert p.std() == pytest.approx(bound / 3**0.5, rel=0.15), name


def make_trained(arch: Arch, dtype: torch.dtype) -> tuple[StandaloneNetwork, NaiveNetwork]:
    """Make a stand-alone network and its naive twin, with affine maps that are not trivial."""
    alone = StandaloneNetwork(arch, SHAPE, run_seeds=(5,))
    with torch.no_grad():
        for name, p in alone.named_parameters():
            if "bn_" in name:
                p.add_(
                    0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(len(name)))
                )
    naive = NaiveNetwork(SHAPE, affine=True, running=True).to(dtype)
    copy_weights(alone, naive)
    return alone, naive


@pytest.mark.parametrize("arch", [*ARCHS[:6], FED_ZEROS, DISCONNECTED[5]], ids=str)
def test_a_standalone_network_matches_the_naive_one_in_training_and_evaluation(
    arch: Arch,
) -> None:
    alone, naive = make_trained(arch, torch.float32)
    images = make_images()
    for shift in (0.0, 0.5):  # two training batches move the running statistics
        ours, reference = alone.train()(images + shift)[:, 0], naive.train()(images + shift, arch)
        torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-5)  # see TOLERANCES
    ours, reference = alone.eval()(images)[:, 0], naive.eval()(images, arch)
    torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("arch", [*ARCHS[:4], FED_ZEROS], ids=str)
def test_networks_side_by_side_are_as_many_networks_on_their_own(arch: Arch) -> None:
    seeds = (4, 9, 2)
    stacked = StandaloneNetwork(arch, SHAPE, seeds).double()
    alone = [StandaloneNetwork(arch, SHAPE, (seed,)).double() for seed in seeds]
    images = [make_images().double() + seed for seed in seeds]
    weights = torch.linspace(-1, 1, SHAPE.classes, dtype=torch.float64)
    logits = stacked(torch.cat(images, dim=1))
    assert logits.shape == (len(images[0]), len(seeds), SHAPE.classes)
    (logits.softmax(dim=2) * weights).sum().backward()
    for position, (network, own) in enumerate(zip(alone, images, strict=True)):
        expected = network(own)
        (expected.softmax(dim=2) * weights).sum().backward()
        # grouped convolutions sum in another order; in float64 that leaves some 1e-13
        torch.testing.assert_close(logits[:, [position]], expected, rtol=1e-9, atol=1e-9)
        for name, parameter in stacked.named_parameters():
            part, grad = (x.chunk(len(seeds))[position] for x in (parameter, parameter.grad))
            assert torch.equal(part, network.get_parameter(name)), name
            of_own = network.get_parameter(name).grad
            torch.testing.assert_close(grad, of_own, rtol=1e-9, atol=1e-9, msg=name)
    stacked.eval()
    together = stacked(torch.cat(images, dim=1))  # with running statistics
    for position, (network, own) in enumerate(zip(alone, images, strict=True)):
        expected = network.eval()(own)
        torch.testing.assert_close(together[:, [position]], expected, rtol=1e-9, atol=1e-9)


def test_in_evaluation_an_image_does_not_depend_on_its_batch() -> None:
    alone, _ = make_trained(ARCHS[0], torch.float32)
    images = make_images()
    alone.train()(images)
    whole, one = alone.eval()(images), alone(images[:1])
    # another batch size may sum in another order, as in TOLERANCES
    torch.testing.assert_close(one, whole[:1], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(alone.train()(images)[:1], one, atol=1e-3)


def test_convolutions_that_are_fed_zeros_emit_a_constant_under_affine_batch_norm() -> None:
    """Why the 9,445 classes hold in a supernet and not among stand-alone networks."""
    alone, _ = make_trained(FED_ZEROS, torch.float32)
    dead = [e for e in FED_ZEROS.edges_to_output if e not in FED_ZEROS.live_edges]
    assert dead
    images = make_images()
    with torch.no_grad():
        whole = alone(images)
        for name, p in alone.named_parameters():
            if "2from1" in name and name.endswith("bn_bias"):
                p.add_(1.0)
        assert not torch.allclose(alone(images), whole, atol=1e-3)


def test_edges_that_cannot_reach_the_output_have_no_weights_of_their_own() -> None:
    # Nothing leaves node 2, so what enters it is left out.
    arch = Arch((3, 3, 2, 3, 1, 0))
    names = [name for name, _ in StandaloneNetwork(arch, SHAPE, run_seeds=(0,)).named_parameters()]
    assert not [name for name in names if "2from" in name]
    assert [name for name in names if "1from0_nor_conv_3x3" in name]


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2), (4, 7), (8, 8)], ids=str)
def test_average_pooling_is_torchs(size: tuple[int, int], dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, *size, generator=generator, dtype=dtype, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    ours, torchs = layers.avg_pool(x), F.avg_pool2d(y, 3, 1, 1, count_include_pad=False)
    # nine terms in another order
    torch.testing.assert_close(ours, torchs, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])
    ours.square().sum().backward()
    torchs.square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


def test_scoring_before_training_leaves_pooling_fit_for_training() -> None:
    """The cached constants must not be inference tensors, which autograd refuses."""
    layers._pooling_constants.cache_clear()
    with torch.inference_mode():
        layers.avg_pool(torch.ones(1, 2, 6, 6))
    x = torch.ones(1, 2, 6, 6, requires_grad=True)
    layers.avg_pool(x).sum().backward()
    assert x.grad is not None
