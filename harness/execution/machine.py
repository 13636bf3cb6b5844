"""Where and how a run computes on a machine: the device, threads, and runs at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import torch

from harness.errors import StoreError, UsageError
from harness.runs.folder import RunFolder
from harness.runs.record import Record
from harness.settings.run import RunConfig
from harness.training.allocation import keep_freed_memory

THREADS = 1
"""CPU threads of a run unless it is told otherwise. Never chosen by the machine or its load, since
sums, and with them the last bits of the results, depend on it."""

SPEEDUP = {"tiles": 1.1}
DEFAULT_SPEEDUP = 1.7
"""How many times as fast two threads are as one, by data set, on an otherwise idle machine
(`benchmarks/README.md`, threads)."""


def resolve_device(config: RunConfig) -> str:
    """Return where to compute: `cpu` or `cuda`.

    Raises:
        UsageError: If CUDA was asked for and is not there.
    """
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda was given, but torch finds no CUDA device. Use cpu.")
    return device


def prepare_process(execution: dict[str, Any]) -> None:
    """Set up this process to compute as a record's `execution` says."""
    torch.set_num_threads(execution["threads"])
    keep_freed_memory()
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False  # "float32" means float32


def choose_threads(config: RunConfig, record: Record | None) -> int:
    """Return a run's number of CPU threads: as told, else as it began, else one.

    Raises:
        StoreError: If the record has no such number.
    """
    kept = None if record is None else record.execution.get("threads")
    threads = config.threads or kept or THREADS
    if not isinstance(threads, int):
        raise StoreError(
            f"The record of run {config.run_id} has {threads!r:.40} threads. Move its folder away "
            "and run the same command again."
        )
    return threads


def planned_threads(config: RunConfig, folder: RunFolder) -> int:
    """Return the number of threads that a run will have once it starts.

    A record that cannot be read is left for the run itself to report.
    """
    try:
        return choose_threads(config, folder.read_record() if folder.has_record() else None)
    except StoreError:
        return THREADS


def resolve_execution(config: RunConfig, record: Record, n_ranks: int) -> dict[str, Any]:
    """Choose where and how to compute.

    Args:
        config: The run.
        record: Its record, or the one that begins.
        n_ranks: Processes that train it together.

    Returns:
        `execution` of the record, with the numbers of threads of earlier starts if they differed.

    Raises:
        UsageError: If CUDA was asked for and is not there.
        StoreError: If the record has no number of threads.
    """
    device = resolve_device(config)
    threads, kept = choose_threads(config, record), record.execution.get("threads")
    earlier = [*record.execution.get("earlier_threads", [])]
    if kept not in (None, threads):
        earlier.append(kept)
    return {
        "device": device,
        "device_name": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "torch_build": _describe_torch(),
        "threads": threads,
        **({"earlier_threads": earlier} if earlier else {}),
        "ranks": n_ranks,
        "dtype": config.precision,
        "memory_format": "channels_last",
        "onednn": torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled,
    }


def _describe_torch() -> str:
    """Describe how torch was built: two builds of one version may round differently."""
    blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    parts = {
        "commit": str(torch.version.git_version)[:12],
        "BLAS": blas and blas[1],
        "CUDA": torch.version.cuda,
        "ROCm": torch.version.hip,
    }
    return ", ".join(f"{name} {value}" for name, value in parts.items() if value)


def has_bf16() -> bool:
    """Return whether oneDNN computes bf16 products natively, as far as torch knows."""
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return supported is None or bool(supported())


def default_jobs(config: RunConfig, n_runs: int) -> int:
    """Choose how many runs to work on at once.

    On CPUs, one thread per core: two single-threaded runs get more done than one with two threads,
    as these networks are small. On a GPU, one run at a time.
    """
    if computes_on_gpu(config):
        return 1
    return max(1, min(n_runs, count_cores() // (config.threads or THREADS)))


def advise_threads(
    configs: Sequence[RunConfig], threads: Sequence[int], at_once: int
) -> str | None:
    """Say what more threads would gain, or that fewer are better now.

    Args:
        configs: The runs to compute.
        threads: Of each.
        at_once: Runs at a time.

    Returns:
        A sentence or two; None where there is nothing to say.
    """
    cores, most = count_cores(), max(threads, default=THREADS)
    if not configs or computes_on_gpu(configs[0]):
        return None
    if most > THREADS and (load := _load()) + most * at_once > cores + 1:
        return (
            f"{most} threads a run, {at_once} at a time, on {cores} cores with a load of "
            f"{load:.1f}: threads that wait for each other can be many times as slow as one. "
            "--threads 1 is safe on a busy machine."
        )
    chosen = any(config.threads for config in configs)
    if most > THREADS or chosen or cores < 2 * at_once:
        return None
    speedup = SPEEDUP.get(configs[0].dataset, DEFAULT_SPEEDUP)
    return (
        f"{at_once} of {cores} cores {'is' if at_once == 1 else 'are'} used, one thread a run. "
        f"--threads 2 is about {speedup} times as fast on an otherwise idle machine, and can be "
        "many times as slow on a busy one; several seeds at a time use cores best. The last digits "
        "of the scores depend on the number of threads."
    )


def computes_on_gpu(config: RunConfig) -> bool:
    """Return whether a run computes on a GPU."""
    return config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())


def _load() -> float:
    """Return the mean number of busy threads over the last minute, where the system tells."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def count_cores() -> int:
    """Count the cores that this process may use, or all where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
