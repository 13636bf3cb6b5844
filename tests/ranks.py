"""Two real processes of gloo for tests, and what they are asked to do, so that spawn finds it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from harness.distributed.ranks import ALONE, Ranks
from harness.supernet.norm import DistributedNorm
from harness.supernet.patches import Draws, LayerInput
from harness.training.loop import Trainer
from tests.tiny import tiny_config, tiny_trainer

N_RANKS = 2
TIMEOUT = timedelta(seconds=120)

Task = Callable[..., Any]
RunOnRanks = Callable[..., list[Any]]


@contextmanager
def start_ranks(folder: Path) -> Iterator[RunOnRanks]:
    """Start the ranks; yield a function that calls a task on each and returns what they return.

    A task is a function of this module; it is given the `Ranks` and further arguments.
    """
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = [
            stack.enter_context(
                ProcessPoolExecutor(1, context, _meet, (rank, str(folder / "store")))
            )
            for rank in range(N_RANKS)
        ]

        def run(task: Task, *arguments: Any) -> list[Any]:
            futures = [
                pool.submit(task, Ranks(rank, N_RANKS), *arguments)
                for rank, pool in enumerate(pools)
            ]
            return [future.result(TIMEOUT.total_seconds()) for future in futures]

        yield run


def _meet(rank: int, store: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        store=dist.FileStore(store, N_RANKS),
        rank=rank,
        world_size=N_RANKS,
        timeout=TIMEOUT,
    )


def make_trainer(settings: dict[str, Any], dtype: torch.dtype, ranks: Ranks = ALONE) -> Trainer:
    """Make a tiny trainer that computes in a type of its own."""
    trainer = tiny_trainer(tiny_config(**settings), ranks)
    trainer.network.to(dtype)
    batch = trainer.sampler.batch

    def cast_batch(step: int) -> tuple[Tensor, Tensor]:
        images, labels = batch(step)
        return images.to(dtype), labels

    trainer.sampler.batch = cast_batch  # type: ignore[method-assign]
    return trainer


def train(ranks: Ranks, settings: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """Train all steps and return the trainer's state."""
    trainer = make_trainer(settings, dtype, ranks)
    for _ in range(trainer.config.steps):
        trainer.train_step()
    return trainer.state_dict()


def normalise(
    ranks: Ranks, x: Tensor, weight: Tensor | None, bias: Tensor | None, g: Tensor
) -> list[Tensor]:
    """Normalise this rank's part of `x`; return the output, and gradients for the output's `g`."""
    leaves = [
        t.clone().requires_grad_() for t in (ranks.own_part(x), weight, bias) if t is not None
    ]
    y = DistributedNorm(ranks)(leaves[0], *(leaves[1:] or (None, None)))
    y.backward(ranks.own_part(g))
    return [y.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def take_patches(ranks: Ranks, x: Tensor, weight: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Return the mean and some random patches of a batch, of which this rank has its part."""
    layer = LayerInput(ranks.own_part(x), weight, stride, ranks)
    draws = Draws(0)
    return layer.mean_patch(), layer.random_patches(12, draws)


def tell(ranks: Ranks) -> tuple[Any, ...]:
    """Use every way of telling each other something."""
    own = torch.tensor([float(ranks.rank), 10.0])
    added = own.clone()
    ranks.add_up(added)
    weight = torch.full((2, 2, 1, 1), float(ranks.rank)).to(memory_format=torch.channels_last)
    ranks.average([weight, own])
    gathered = ranks.gather(torch.tensor([[ranks.rank]]))
    flags = [ranks.any(ranks.rank == 1), ranks.any(False), ranks.any(True)]
    shared = ranks.broadcast({"from": ranks.rank})
    return added, weight, own, gathered, flags, shared


def record_messages(ranks: Ranks, settings: dict[str, Any]) -> list[tuple[int, int]]:
    """Return, of each step, the weights with a gradient and those whose gradient was sent."""
    trainer = make_trainer(settings, torch.float32, ranks)
    found = []
    average = ranks.average

    def watched(tensors: list[Tensor]) -> None:
        on_path = sum(p.numel() for p in trainer.weights.values() if p.grad is not None)
        found.append((on_path, sum(t.numel() for t in tensors)))
        average(tensors)

    ranks.average = watched  # type: ignore[method-assign,assignment]
    for _ in range(trainer.config.steps):
        trainer.train_step()
    return found


def save_after_drifting_apart(ranks: Ranks, folder: Path) -> str:
    """Change a weight on one rank only, and try to save."""
    trainer = make_trainer({"checkpoint_every": 1}, torch.float32, ranks)
    with torch.no_grad():
        trainer.network.classifier.bias += ranks.rank
    try:
        trainer._save(folder)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "saved"
