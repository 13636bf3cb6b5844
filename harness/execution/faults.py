"""What goes wrong in a run, in words that say what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from harness.errors import HarnessError, MemoryShortageError
from harness.settings.run import RunConfig


def describe_error(error: Exception) -> str:
    """Describe an error in one line; a bug by its type too."""
    if isinstance(error, HarnessError):
        return str(error)
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


@contextlib.contextmanager
def naming_memory_shortage(config: RunConfig) -> Iterator[None]:
    """Turn what Python and torch raise when memory runs out into an error that says what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch has an exception of its own for GPUs only
        is_lack = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not is_lack and not any(sign in str(error) for sign in _LACK_OF_MEMORY):
            raise
        raise MemoryShortageError(
            f"Run {config.run_id} ran out of memory: {(str(error).splitlines() or ['-'])[0]} "
            "Give fewer --jobs, a smaller --set batch_size=... or rank_batch=..., or use a machine "
            "with more memory; the same command resumes from the last checkpoint."
        ) from error


_LACK_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc")
