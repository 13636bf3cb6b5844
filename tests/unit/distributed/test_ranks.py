"""Two ranks that train together, held to one process that has the whole batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.distributed.launch import Launch
from harness.distributed.ranks import ALONE, join
from harness.spaces.nb201.encoding import arch_at
from harness.supernet.norm import DistributedNorm, batch_norm
from harness.testing.strategies import Row
from tests import ranks
from tests.contract.strategies import ROWS
from tests.ranks import RunOnRanks, make_trainer
from tests.tiny import assert_same_state

STEPS = 20
PLAIN = {"steps": STEPS, "clip_norm": 0.0, "schedule": "constant", "lr": 0.025}
QUICK = ("wpl", "random-projector", "ogd-nullspace")
"""Rows that are not left to the slow tests: one of each way to hold a state, but those below."""

DOUBLE = 1e-9
"""float64, where the same sums are taken in another order: 1e-16 a step, magnified by the net."""


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunOnRanks]:
    """Two processes of gloo, started once."""
    with ranks.start_ranks(tmp_path_factory.mktemp("ranks")) as run:
        yield run


def losses(state: dict[str, Any]) -> list[float]:
    found: list[float] = state["log"]["steps"]["loss"].tolist()
    return found


def train_on_both(run: RunOnRanks, settings: dict[str, Any], dtype: torch.dtype) -> Any:
    """Return the state of two ranks, seen to be the same on both, and that of one process."""
    first, second = run(ranks.train, settings, dtype)
    assert_same_state(second, first)
    return first, ranks.train(ALONE, settings, dtype)


def noise(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_ranks_tell_each_other_the_same(run: RunOnRanks) -> None:
    for added, weight, own, gathered, flags, shared in run(ranks.tell):
        assert added.tolist() == [1.0, 20.0]
        assert weight.flatten().tolist() == [0.5] * 4
        assert own.tolist() == [0.5, 10.0]
        assert gathered.tolist() == [[[0]], [[1]]]
        assert flags == [True, False, True]
        assert shared == {"from": 0}


def test_a_process_alone_tells_nobody_anything() -> None:
    added, weight, own, gathered, flags, shared = ranks.tell(ALONE)
    assert (added.tolist(), own.tolist(), weight.sum().item()) == ([0.0, 10.0], [0.0, 10.0], 0)
    assert (gathered.tolist(), flags, shared) == ([[[0]]], [False, False, True], {"from": 0})
    ALONE.leave()


@pytest.mark.parametrize("affine", [False, True])
def test_the_norm_of_ranks_is_that_of_the_whole_batch_and_so_is_its_gradient(
    run: RunOnRanks, affine: bool
) -> None:
    x, g = noise(8, 3, 5, 5) * 2 + 100, noise(8, 3, 5, 5)  # a mean that squares would drown in
    x[4:] += 7  # the ranks' own statistics are not those of the batch
    x = x.to(memory_format=torch.channels_last)
    affines = (noise(3) + 1, noise(3)) if affine else (None, None)
    leaves = [t.clone().requires_grad_() for t in (x, *affines) if t is not None]
    y = batch_norm(leaves[0], *(leaves[1:] or (None, None)))
    y.backward(g)
    found = run(ranks.normalise, x, *affines, g)
    for place, whole in enumerate((y.detach(), leaves[0].grad)):
        parts = torch.cat([parts[place] for parts in found])
        torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-10)  # 100 / 2 of 1e-16
    for place, leaf in enumerate(leaves[1:], start=2):
        torch.testing.assert_close(found[0][place] + found[1][place], leaf.grad, rtol=1e-9, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_norm_of_ranks_keeps_the_precision_of_activations(dtype: torch.dtype) -> None:
    x = noise(4, 3, 5, 5).to(dtype).requires_grad_()
    weight, bias = torch.rand(3), torch.rand(3)
    y = DistributedNorm(ALONE)(x, weight, bias)
    y.sum().backward()
    assert y.dtype == x.dtype
    assert x.grad is not None
    assert x.grad.dtype == dtype
    near = 1e-5 if dtype == torch.float32 else 2e-2  # half a unit of 8 bits, twice
    torch.testing.assert_close(y, batch_norm(x, weight, bias), rtol=near, atol=near)


def test_the_gradient_of_the_norm_is_the_slope_of_its_output() -> None:
    x = noise(4, 2, 3, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: DistributedNorm(ALONE)(t, None, None), x)


@pytest.mark.parametrize(
    ("shape", "weight", "stride"),
    [((8, 3, 6, 6), (4, 3, 3, 3), 2), ((8, 3, 6, 6), (4, 3, 1, 1), 1), ((20, 5), (4, 5), 1)],
)
def test_patches_are_those_of_the_whole_batch_on_every_rank(
    run: RunOnRanks, shape: tuple[int, ...], weight: tuple[int, ...], stride: int
) -> None:
    x = noise(*shape).float()
    mean, random = ranks.take_patches(ALONE, x, torch.zeros(weight), stride)
    for other_mean, other_random in run(ranks.take_patches, x, torch.zeros(weight), stride):
        assert torch.equal(other_random, random)
        # float32, summed by halves
        torch.testing.assert_close(other_mean, mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "near"),
    [
        ({"strategy": "spos"}, DOUBLE),
        ({"strategy": "spos", "clip_norm": 1.0}, DOUBLE),
        # projectors are of patches rounded to float32, nearly always the very same ones
        ({"strategy": "ogd", "ogd": {"refresh": 2, "c": 0.5}}, 1e-7),
        ({"strategy": "ogd", "ogd": {"projector": "rls"}}, 1e-7),
    ],
)
def test_in_float64_two_ranks_are_one_process_over_the_first_twenty_steps(
    run: RunOnRanks, settings: dict[str, Any], near: float
) -> None:
    both, alone = train_on_both(run, {**PLAIN, **settings}, torch.float64)
    assert losses(both) == pytest.approx(losses(alone), rel=near)
    for name, weight in alone["network"].items():
        torch.testing.assert_close(both["network"][name], weight, rtol=near, atol=near)


@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "spos"},
        {"strategy": "ogd", "ogd": {"refresh": 2, "c": 0.5}},
        {"strategy": "ogd", "ogd": {"projector": "rls", "alpha": 0.1}},
    ],
)
def test_in_float32_two_ranks_follow_one_process_over_the_first_twenty_steps(
    run: RunOnRanks, settings: dict[str, Any]
) -> None:
    both, alone = train_on_both(run, {**PLAIN, **settings}, torch.float32)
    assert losses(both)[:3] == pytest.approx(losses(alone)[:3], rel=1e-5)
    # as in test_step_numerics: batch norm magnifies rounding where features hardly vary
    assert losses(both) == pytest.approx(losses(alone), rel=0.03)


@pytest.mark.parametrize(
    "row",
    [row if row.name in QUICK else pytest.param(row, marks=pytest.mark.slow) for row in ROWS],
    ids=lambda row: row.name,
)
def test_every_strategy_is_the_same_on_every_rank_and_nearly_that_of_one_process(
    run: RunOnRanks, row: Row
) -> None:
    settings = {"strategy": row.strategy, "steps": 8, "lr": 0.025, **row.settings}
    both, alone = train_on_both(run, settings, torch.float32)
    # bf16 has 8 bits, of which every sum in another order may take the last
    near = 0.05 if row.settings.get("precision") == "bf16" else 0.01
    assert losses(both) == pytest.approx(losses(alone), rel=near)


def test_without_bn_sync_each_rank_normalises_its_own_part(run: RunOnRanks) -> None:
    settings = {**PLAIN, "steps": 2, "bn_sync": False, "momentum": 0.0, "weight_decay": 0.0}
    first, second = run(ranks.train, settings, torch.float64)
    assert_same_state(second, first)
    naive = make_trainer(settings, torch.float64)
    for step, index in enumerate(first["log"]["steps"]["path_index"].tolist()):
        images, labels = naive.sampler.batch(step)
        halves = zip(images.chunk(2), labels.chunk(2), strict=True)
        loss = sum(F.cross_entropy(naive.network(x, arch_at(int(index))), y) for x, y in halves) / 2
        assert isinstance(loss, Tensor)
        loss.backward()
        assert losses(first)[step] == pytest.approx(loss.item(), rel=DOUBLE)
        naive._sgd.step(naive.strategy, naive.config.lr)
    for name, weight in naive.network.state_dict().items():
        torch.testing.assert_close(first["network"][name], weight, rtol=DOUBLE, atol=DOUBLE)
    synced = run(ranks.train, {**settings, "bn_sync": True}, torch.float64)[0]
    assert losses(synced) != pytest.approx(losses(first), rel=1e-4)


def test_gradients_of_the_path_alone_travel_in_one_message_a_step(run: RunOnRanks) -> None:
    found, _ = run(ranks.record_messages, {**PLAIN, "steps": 6})
    assert [sent for _, sent in found] == [on_path + 1 for on_path, _ in found]  # and the loss
    assert len(found) == 6
    n_weights = sum(w.numel() for w in make_trainer(PLAIN, torch.float32).weights.values())
    assert all(sent < n_weights for _, sent in found)


def test_ranks_that_drifted_apart_save_nothing_and_say_so(run: RunOnRanks, tmp_path: Path) -> None:
    for told in run(ranks.save_after_drifting_apart, tmp_path):
        assert told.startswith("RankError: At step 0 the ranks no longer hold the same weights")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda", "cpu:gloo,cuda:nccl")])
def test_gradients_are_sent_by_nccl_on_gpus_and_flags_by_gloo(
    monkeypatch: pytest.MonkeyPatch, device: str, backend: str
) -> None:
    chosen: list[object] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(
        torch.distributed, "init_process_group", lambda name, **_: chosen.append(name)
    )
    with join(Launch(rank=3, size=4, local_rank=1, local_size=2), device) as joined:
        assert (joined.rank, joined.size) == (3, 4)
    assert chosen == ([1, backend] if device == "cuda" else [backend])
