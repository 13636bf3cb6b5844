"""Processes that train one supernet together, and how they communicate.

A `Ranks` is this process's view of them. `ALONE`, the view of a process that trains by itself,
sends nothing and changes nothing: every method is then the identity, so that code is written once.

Every rank has to make the same calls in the same order. Results are bitwise
equal on all of them: each sum is computed once and sent to every rank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from harness.distributed.launch import Launch
from harness.errors import RankError, UsageError

Value = TypeVar("Value")

PATIENCE = timedelta(hours=2)
"""How long a rank waits for another, which may be ranking. One that died is noticed at once."""


class Ranks:
    """The processes that train one supernet, seen from one of them.

    Attributes:
        rank: This process's number, from 0.
        size: How many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        """Describe the process group that exists already, if `size` is more than 1."""
        self.rank = rank
        self.size = size

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes, measures and ranks."""
        return self.rank == 0

    def own_part(self, batch: Tensor) -> Tensor:
        """Return this rank's share of a batch, [batch, ...]: as many rows as of any other."""
        if self.size == 1:
            return batch
        n = len(batch) // self.size
        return batch[self.rank * n : (self.rank + 1) * n]

    def add_up(self, values: Tensor) -> None:
        """Replace a tensor by its sum over ranks."""
        if self.size > 1:
            with _connected():
                dist.all_reduce(values)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their means over ranks, all in one message."""
        if self.size > 1:
            flat = _flatten_dense_tensors(tensors)
            self.add_up(flat)
            flat /= self.size
            # copied, since the parts of the message have another memory layout
            torch._foreach_copy_(list(tensors), list(_unflatten_dense_tensors(flat, tensors)))

    def gather(self, values: Tensor) -> Tensor:
        """Return every rank's tensor, [rank, ...]."""
        if self.size == 1:
            return values.unsqueeze(0)
        gathered = values.new_empty(self.size, *values.shape)
        with _connected():
            dist.all_gather(list(gathered.unbind()), values.contiguous())
        return gathered

    def any(self, flag: bool) -> bool:
        """Say whether the flag is set on any rank."""
        if self.size == 1:
            return flag
        count = torch.tensor(float(flag))
        self.add_up(count)
        return bool(count)

    def broadcast(self, value: Value) -> Value:
        """Return what the first rank gives; the others' values are not looked at."""
        if self.size == 1:
            return value
        place: list[Any] = [value]
        with _connected():
            dist.broadcast_object_list(place)
        shared: Value = place[0]
        return shared

    def leave(self) -> None:
        """End the group; every rank leaves at the same point."""
        if self.size > 1:
            dist.destroy_process_group()


ALONE = Ranks()
"""A process that trains by itself."""


@contextmanager
def join(launch: Launch, device: str) -> Iterator[Ranks]:
    """Join the other processes that torchrun started.

    Args:
        launch: This process's place among them.
        device: `cpu`, or `cuda`, of which each process of a machine takes one device.

    Yields:
        The ranks; the group ends with the context, unless it was left before.

    Raises:
        UsageError: If there are more processes on this machine than CUDA devices.
        RankError: If the others do not connect.
    """
    if device == "cuda":
        if launch.local_size > torch.cuda.device_count():
            raise UsageError(
                f"torchrun started {launch.local_size} ranks on this machine, which has "
                f"{torch.cuda.device_count()} CUDA devices. Give --nproc-per-node "
                f"{torch.cuda.device_count()}, or --device cpu."
            )
        torch.cuda.set_device(launch.local_rank)
    with _connected():
        # flags and objects stay on the CPU, whatever the device
        backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
        dist.init_process_group(backend, rank=launch.rank, world_size=launch.size, timeout=PATIENCE)
    try:
        yield Ranks(launch.rank, launch.size)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


@contextmanager
def _connected() -> Iterator[None]:
    """Turn torch's communication errors into `RankError`."""
    try:
        yield
    except RuntimeError as error:
        raise RankError(
            f"Another rank exited or does not respond ({str(error).splitlines()[0]}). Run the "
            "same command, with or without torchrun, to resume from the last checkpoint."
        ) from error
