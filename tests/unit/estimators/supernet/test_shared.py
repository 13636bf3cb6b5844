"""What architectures share is computed once, and nothing changes by it."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from harness.estimators.classes import distinct_classes
from harness.estimators.supernet.measuring import SharedBatch, sum_batch
from harness.spaces import load_space
from harness.spaces.nb201.encoding import N_ARCHS, Arch, enumerate_archs, sample_indices
from harness.spaces.nb201.network import NB201SuperNet
from harness.spaces.nb201.shared import order_by_first_nodes
from harness.spaces.values import NetworkShape
from harness.supernet.layers import ConvBN
from tests.reference import NaiveNetwork, copy_weights
from tests.tiny import assert_same_state

ORDER = order_by_first_nodes(distinct_classes(load_space(), range(N_ARCHS)))


def make(
    cells: int, channels: int = 2, image_size: int = 8
) -> tuple[NB201SuperNet, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(6, 3, image_size, image_size, generator=generator)
    labels = torch.randint(0, 5, (6,), generator=generator)
    network = NB201SuperNet(NetworkShape(channels, cells, image_size, 3, 5), 0)
    return network, images.contiguous(memory_format=torch.channels_last), labels


def alone(network: NB201SuperNet, arch: Arch, images: Tensor, labels: Tensor) -> tuple[float, int]:
    with torch.inference_mode():
        return sum_batch(network(images, arch), labels)


def test_every_class_scores_bit_for_bit_as_it_does_alone() -> None:
    network, images, labels = make(1)
    batch = SharedBatch(network, images, labels, sum_batch)
    different = [a for a in ORDER[::29] if batch.score(a) != alone(network, a, images, labels)]
    assert different == []


@pytest.mark.parametrize("cells", [1, 2])
def test_any_order_and_any_member_of_a_class_will_do(cells: int) -> None:
    network, images, labels = make(cells, channels=4)
    batch = SharedBatch(network, images, labels, sum_batch)
    archs = [enumerate_archs()[index] for index in sample_indices(60)]
    for arch in [*archs, *reversed(archs)]:
        assert batch.score(arch) == alone(network, arch, images, labels)


def test_scores_agree_with_the_naive_network() -> None:
    network, images, labels = make(1, channels=4)
    naive = NaiveNetwork(network.shape, affine=False, running=False)
    copy_weights(network, naive)
    batch = SharedBatch(network, images, labels, sum_batch)
    for index in sample_indices(20):
        arch = enumerate_archs()[index]
        with torch.inference_mode():
            expected = sum_batch(naive(images.contiguous(), arch), labels)
        assert batch.score(arch).loss == pytest.approx(expected.loss, rel=1e-4)  # float32 sums


def test_the_order_has_every_class_once_and_computes_each_value_of_the_first_cell_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(ORDER) == len(set(ORDER)) == 9_445
    network, images, labels = make(1)
    features = network.classifier.weight.shape[1]
    network._features = lambda *_: torch.zeros(6, features)  # type: ignore[method-assign]
    batch = SharedBatch(network, images, labels, sum_batch)
    counts: Counter[str] = Counter()
    forward = ConvBN.forward

    def count(conv: ConvBN, *arguments: object) -> Tensor:
        counts[conv.name] += 1
        return forward(conv, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ConvBN, "forward", count)
    for arch in ORDER:
        batch.score(arch)
    by_edge = {name.split(".")[3]: n for name, n in counts.items()}
    assert {by_edge[f"{node}from0_nor_conv_3x3"] for node in (1, 2, 3)} == {1}
    assert {by_edge[f"{node}from1_nor_conv_3x3"] for node in (2, 3)} == {4}  # values of node 1
    # Node 2 with node 1 dead: 4 ops from node 0. With each of 4 values of node 1: the 5 x 5 ops
    # from nodes 0 and 1 but none and none.
    assert by_edge["3from2_nor_conv_3x3"] == 4 + 4 * 24


def test_scoring_changes_no_weight_and_leaves_the_network_trainable() -> None:
    network, images, labels = make(1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batch = SharedBatch(network, images, labels, sum_batch)
    for arch in ORDER[::500]:
        batch.score(arch)
    assert_same_state(dict(network.state_dict()), before)
    network(images, ORDER[-1]).sum().backward()


def test_a_copy_in_bf16_is_near_and_leaves_the_original_and_the_last_layers_as_they_are() -> None:
    network, images, labels = make(1, channels=8)
    half = network.to_bf16()
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    kept = {n for n, weight in half.named_parameters() if weight.dtype == torch.float32}
    assert kept == {"last_bn_weight", "last_bn_bias", "classifier.weight", "classifier.bias"}
    full = SharedBatch(network, images, labels, sum_batch)
    fast = SharedBatch(half, images.bfloat16(), labels, sum_batch)
    for arch in ORDER[::600]:
        # bf16 has 8 bits; batch norm over few values of 2 x 2 pixels makes more of them
        assert fast.score(arch).loss == pytest.approx(full.score(arch).loss, rel=0.1)
