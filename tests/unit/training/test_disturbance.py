"""Performance disturbance: held to a naive recomputation with copies of the network."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from harness.images.dataset import fixed_subset
from harness.spaces.nb201.encoding import Arch, arch_at, enumerate_archs
from harness.supernet.base import SuperNet
from harness.training.disturbance import PROBE_SETS, DisturbanceMeter, ProbeRow
from tests.tiny import tiny_config, tiny_data, tiny_network, tiny_trainer

CONV_1, CONV_3, SKIP, POOL, NONE = 2, 3, 1, 4, 0


def naive_figures(network: SuperNet, arch: Arch, seed: int, n: int) -> tuple[float, float, object]:
    """Return loss, accuracy and logits on the probe batch, in plain torch."""
    data = tiny_data()
    images = fixed_subset(data.validation, n, seed, "probe")
    with torch.no_grad():
        logits = network(data.normalise(images.pixels), arch)
    loss = F.cross_entropy(logits, images.labels).item()
    hits = sum(
        int(row.argmax()) == int(label) for row, label in zip(logits, images.labels, strict=True)
    )
    return loss, 100 * hits / n, logits


def naive_shared(a: Arch, b: Arch) -> int:
    """Count edges where both carry the same convolution, alive in both."""
    return sum(
        a.ops[edge] == b.ops[edge] and a.ops[edge] in (CONV_1, CONV_3)
        for edge in set(a.live_edges) & set(b.live_edges)
    )


def test_every_figure_equals_a_naive_recomputation_with_copies_of_the_network() -> None:
    config = tiny_config(seed=2, steps=6, probe_every=1, probe_paths=3, lr=0.5)
    trainer = tiny_trainer(config)
    for step in range(6):
        before = copy.deepcopy(trainer.network)
        trainer.train_step()
        table = trainer.log.tables["disturbance"]
        rows = [
            ProbeRow(*values) for values in zip(*table.values(), strict=True) if values[0] == step
        ]
        trained = arch_at(int(trainer.log.tables["steps"]["path_index"][step]))
        assert rows[0].probe_set == 0
        assert rows[0].probed_index == trained.nb201_index
        for row in rows:
            arch = arch_at(int(row.probed_index))
            loss_before, accuracy_before, f_before = naive_figures(before, arch, 2, 16)
            loss_after, accuracy_after, f_after = naive_figures(trainer.network, arch, 2, 16)
            # the same computation on the same machine, but for inference mode
            assert row.loss_before == pytest.approx(loss_before, rel=1e-6)
            assert row.loss_after == pytest.approx(loss_after, rel=1e-6)
            assert (row.accuracy_before, row.accuracy_after) == (accuracy_before, accuracy_after)
            change = (f_after - f_before).norm() / f_before.norm()
            assert row.logit_change == pytest.approx(change.item(), rel=1e-5, abs=1e-7)
            assert row.shared_convs == naive_shared(arch, trained)
            assert row.trained_index == trained.nb201_index
    changes = [b - a for a, b in zip(table["loss_before"], table["loss_after"], strict=True)]
    assert any(change > 0 for change in changes)
    assert any(change < 0 for change in changes)


def test_victims_are_the_last_distinct_classes_trained_before_and_the_fixed_paths() -> None:
    config = tiny_config(steps=12, probe_every=1, probe_paths=3)
    trainer = tiny_trainer(config)
    for _ in range(12):
        trainer.train_step()
    paths = [arch_at(int(index)) for index in trainer.log.tables["steps"]["path_index"]]
    table = trainer.log.tables["disturbance"]
    for step, own in enumerate(paths):
        recent: list[Arch] = []
        for arch in reversed(paths[:step]):
            known = {other.representative for other in recent} | {own.representative}
            if arch.representative not in known and len(recent) < 3:
                recent.append(arch)
        fixed = [a for a in trainer.meter.fixed if a.representative != own.representative]
        expected = [(0, own)] + [(1, a) for a in reversed(recent)] + [(2, a) for a in fixed]
        found = [
            (int(probe_set), arch_at(int(index)))
            for at, probe_set, index in zip(
                table["step"], table["probe_set"], table["probed_index"], strict=True
            )
            if at == step
        ]
        assert found == expected


def make_meter(n_paths: int = 2) -> DisturbanceMeter:
    return DisturbanceMeter(tiny_config(probe_paths=n_paths), tiny_data())


A = Arch((CONV_3, NONE, NONE, NONE, CONV_3, NONE))
A_AGAIN = Arch((CONV_3, CONV_1, NONE, NONE, CONV_3, NONE))  # the second edge leads nowhere
B = Arch((SKIP, NONE, NONE, CONV_1, SKIP, NONE))
C = Arch((NONE, NONE, NONE, SKIP, NONE, NONE))
D = Arch((NONE, NONE, NONE, POOL, NONE, NONE))


def recent_victims(meter: DisturbanceMeter, trained: list[Arch]) -> list[Arch]:
    network = tiny_network()
    meter.before(network, trained)
    rows = meter.after(network, 0, trained)
    return [arch_at(row.probed_index) for row in rows if PROBE_SETS[row.probe_set] == "recent"]


def test_a_path_of_the_trained_paths_own_class_is_no_victim() -> None:
    assert A.representative == A_AGAIN.representative
    meter = make_meter()
    meter.remember([A, B])
    assert recent_victims(meter, [A_AGAIN]) == [B]
    meter.fixed = [A, A_AGAIN, C]
    network = tiny_network()
    meter.before(network, [A])
    rows = meter.after(network, 0, [A])
    fixed = [row.probed_index for row in rows if PROBE_SETS[row.probe_set] == "fixed"]
    assert fixed == [C.nb201_index]


def test_training_a_class_again_makes_it_the_most_recent_one_again() -> None:
    meter = make_meter(n_paths=2)
    for arch in (A, B, C, A_AGAIN):
        meter.remember([arch])
    assert recent_victims(meter, [D]) == [C, A_AGAIN]


def test_there_are_as_many_recent_victims_even_if_the_trained_path_is_among_the_last() -> None:
    meter = make_meter(n_paths=2)
    for arch in (A, B, C):
        meter.remember([arch])
    assert recent_victims(meter, [C]) == [A, B]


def test_before_anything_was_trained_there_are_no_recent_victims() -> None:
    assert recent_victims(make_meter(), [A]) == []


def test_victims_that_share_no_convolution_are_measured_too() -> None:
    meter = make_meter()
    meter.remember([C])
    network = tiny_network()
    meter.before(network, [A])
    with torch.no_grad():
        network.stem.weight.mul_(-1)  # what every path shares
    rows = [row for row in meter.after(network, 0, [A]) if row.probe_set == 1]
    assert [(row.probed_index, row.shared_convs) for row in rows] == [(C.nb201_index, 0)]
    assert rows[0].logit_change > 0


def test_only_live_convolutions_count_as_shared() -> None:
    meter = make_meter()
    full = Arch((CONV_3, CONV_1, CONV_1, CONV_3, CONV_3, CONV_1))
    meter.remember([full, A_AGAIN])
    network = tiny_network()
    meter.before(network, [A_AGAIN, B])
    rows = {row.probed_index: row for row in meter.after(network, 0, [A_AGAIN, B])}
    assert rows[full.nb201_index].shared_convs == 2  # with A_AGAIN: its dead third does not count
    assert rows[A_AGAIN.nb201_index].probe_set == 0  # trained, so no victim


def test_a_step_that_changes_nothing_disturbs_nobody() -> None:
    meter = make_meter()
    meter.remember([A, B])
    network = tiny_network()
    meter.before(network, [C])
    rows = meter.after(network, 0, [C])
    assert len(rows) >= 4
    for row in rows:
        assert (row.loss_before, row.accuracy_before) == (row.loss_after, row.accuracy_after)
        assert row.logit_change == 0.0


def test_the_fixed_paths_depend_on_the_seed_alone() -> None:
    def fixed(seed: int, strategy: str) -> list[Arch]:
        config = tiny_config(seed=seed, strategy=strategy, probe_paths=5)
        return DisturbanceMeter(config, tiny_data()).fixed

    assert fixed(0, "spos") == fixed(0, "ogd")
    assert fixed(0, "spos") != fixed(1, "spos")
    assert len(set(fixed(0, "spos"))) == 5
    assert set(fixed(0, "spos")) <= set(enumerate_archs())


def test_the_probe_images_are_held_out_from_training() -> None:
    data = tiny_data()
    probe = fixed_subset(data.validation, 16, 0, "probe")
    validation = {image.numpy().tobytes() for image in data.validation.pixels}
    assert {image.numpy().tobytes() for image in probe.pixels} <= validation
    meter = DisturbanceMeter(tiny_config(probe_images=16), data)
    assert torch.equal(meter._images, data.normalise(probe.pixels))
