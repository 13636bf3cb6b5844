"""Where the time of a run goes: torch's profiler on a few steps and a few ranked architectures.

A separate trainer with the run's settings does the profiled work, from step 0, and is discarded.
All randomness is in streams named by seed and purpose, so the run itself is unaffected.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from torch.profiler import ProfilerActivity, profile

from harness.estimators.supernet.measuring import EvaluationImages, evaluate_path
from harness.files.atomic import write_atomically
from harness.images.dataset import ImageData, fixed_subset
from harness.settings.run import RunConfig
from harness.strategies import load_strategy
from harness.training.loop import Trainer

if TYPE_CHECKING:
    from torch.autograd.profiler_util import EventList

STEPS, ARCHS = 12, 6
"""How many training steps and architectures are profiled, after as many for warm-up."""
ROWS = 25
TABLE = "profile.txt"


def profile_run(config: RunConfig, data: ImageData, folder: Path) -> None:
    """Write `profile.txt` and two Chrome traces into a run's folder.

    `profile-train.json` and `profile-rank.json` open in chrome://tracing or ui.perfetto.dev. The
    table gives the time spent in each kind of operation.

    Args:
        config: The run's settings.
        data: The images, on the device to compute on.
        folder: The run's folder, which exists.

    Raises:
        StoreError: If the files cannot be written.
    """
    unprobed = config.model_copy(update={"probe_every": 0})
    trainer = Trainer(unprobed, data, load_strategy(config.strategy))
    images = EvaluationImages(
        data,
        fixed_subset(data.validation, config.rank_images, config.seed, "profile"),
        config.rank_batch,
    )
    archs = [trainer.space.at(key) for key in trainer.space.prefix(ARCHS)]

    def train() -> None:
        for _ in range(STEPS):
            trainer.train_step()
        trainer.log  # noqa: B018 - reads the losses, which waits until a GPU has done the steps

    def rank() -> None:
        for arch in archs:
            evaluate_path(trainer.network, arch, images)

    cuda = data.train.labels.is_cuda
    text = _profile("train", "training step", STEPS, train, folder, cuda)
    text += "\n" + _profile("rank", "ranked architecture", ARCHS, rank, folder, cuda)
    write_atomically(folder / TABLE, text)


def _profile(
    name: str, unit: str, count: int, work: Callable[[], None], folder: Path, cuda: bool
) -> str:
    """Profile some work after a warm-up; write its trace and return its table."""
    work()  # kernels are chosen, buffers made
    started = time.perf_counter()
    work()
    unprofiled_ms = 1e3 * (time.perf_counter() - started) / count
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * cuda
    with profile(activities=activities) as watched:
        work()
    trace = folder / f"profile-{name}.json"
    write_atomically(trace, lambda path: watched.export_chrome_trace(str(path)))
    heading = f"{count} times: {unit}, {unprofiled_ms:.2f} ms each without the profiler\n"
    return heading + _tabulate(watched.key_averages(), count, cuda)


def _tabulate(events: EventList, count: int, cuda: bool) -> str:
    """Return a table of operations by their own time, without that of operations they call."""

    def own_us(event: object) -> float:
        return float(getattr(event, "self_device_time_total" if cuda else "self_cpu_time_total"))

    total_us = sum(own_us(event) for event in events) or 1.0
    lines = [f"{'ms each':>10} {'share':>6} {'calls each':>10}  operation"]
    for event in sorted(events, key=own_us, reverse=True)[:ROWS]:
        each_ms, share = own_us(event) / 1e3 / count, own_us(event) / total_us
        lines.append(f"{each_ms:10.3f} {share:6.1%} {event.count / count:10.1f}  {event.key}")
    return "\n".join(lines) + "\n"
