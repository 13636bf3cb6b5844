"""Checkpoints: written atomically, checked when read, the last two kept."""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.errors import ArchError, CheckpointError
from harness.files.atomic import write_atomically
from harness.monitor import Monitor

SCHEMA = 1
CURRENT, PREVIOUS = "checkpoint.pt", "checkpoint.prev.pt"
DAMAGED = "checkpoint.damaged.pt"
_SEAL_LENGTH = 64


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Save a state, keeping the one before it.

    Args:
        folder: The run's folder.
        state: Tensors and plain values.

    Raises:
        StoreError: If there is no space left; both older checkpoints survive.
    """
    new = folder / "checkpoint.new.pt"
    write_sealed(new, state)
    if (folder / CURRENT).exists():
        (folder / CURRENT).replace(folder / PREVIOUS)
    new.replace(folder / CURRENT)


def write_sealed(path: Path, state: dict[str, Any]) -> None:
    """Write a state to a file that is whole or not there, with a checksum.

    Args:
        path: The file.
        state: Tensors and plain values.

    Raises:
        StoreError: If there is no space left.
    """
    # through memory: torch reports a full disk as a bare RuntimeError, a plain write as OSError
    content = io.BytesIO()
    torch.save({"schema": SCHEMA, **state}, content)
    write_atomically(path, _seal(content.getvalue()))


def read_sealed(path: Path) -> dict[str, Any]:
    """Read a state that `write_sealed` wrote.

    Args:
        path: The file.

    Returns:
        The state.

    Raises:
        CheckpointError: If the file is missing, damaged or of a newer version.
    """
    try:
        return _load(path)
    except _DamagedError as error:
        raise CheckpointError(f"{path} is damaged or missing ({error}).") from error


def _seal(archive: bytes) -> bytes:
    """Add the SHA-256 of a zip archive to its end, as the archive's comment.

    The archive's own checksums leave out its directory, where one flipped bit makes torch load
    other numbers silently. With a comment it is still a file that torch can load.
    """
    content = archive[:-2] + _SEAL_LENGTH.to_bytes(2, "little")  # the length of the comment
    return content + hashlib.sha256(content).hexdigest().encode()


def _is_sealed(content: bytes) -> bool:
    body, seal = content[:-_SEAL_LENGTH], content[-_SEAL_LENGTH:]
    return hashlib.sha256(body).hexdigest().encode() == seal


def load_checkpoint(folder: Path, monitor: Monitor) -> dict[str, Any] | None:
    """Load the newest checkpoint that is whole.

    Args:
        folder: The run's folder.
        monitor: Told about a damaged checkpoint.

    Returns:
        The state, or None where there is no usable checkpoint.

    Raises:
        CheckpointError: If a checkpoint was written by a newer version.
    """
    for name in (CURRENT, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        try:
            return _load(path)
        except _DamagedError as error:
            with contextlib.suppress(OSError):  # or the next save would put it in the place of
                path.replace(folder / DAMAGED)  # the good one
            monitor.notice(
                f"{path} is damaged ({error}); going back to the checkpoint before it, or to the "
                "start if there is none."
            )
    return None


class _DamagedError(Exception):
    """A checkpoint that is not whole."""


def _load(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        if not _is_sealed(content):
            raise _DamagedError("its checksum is wrong")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of a pickle's protocol, before it is refused
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _DamagedError:
        raise
    except pickle.UnpicklingError as error:
        raise _DamagedError("it holds objects that no checkpoint of ours has") from error
    except Exception as error:  # torch's readers have no list of what they raise
        raise _DamagedError((str(error).splitlines() or [type(error).__name__])[0]) from error
    if not isinstance(state, dict) or type(state.get("schema")) is not int:
        raise _DamagedError("it is not a checkpoint of this program")
    if state["schema"] > SCHEMA:
        raise CheckpointError(
            f"{path} has schema {state['schema']}, this version reads up to {SCHEMA}. "
            "Update the harness, or give another --out folder."
        )
    return state


@contextlib.contextmanager
def refuse_misfits(folder: Path) -> Iterator[None]:
    """Turn whatever is raised when a state is loaded into an error that says what to do.

    The checksum shows that a state is as it was written, not that a trainer wrote it.

    Args:
        folder: The run's folder.

    Raises:
        CheckpointError: If the content of the state makes loading fail.
    """
    try:
        yield
    except (
        *(KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError),
        ArchError,
    ) as error:
        reason = (str(error).splitlines() or [""])[0][:200]
        raise CheckpointError(
            f"{folder / CURRENT} does not fit this run ({type(error).__name__}: {reason}). Remove "
            "it to train from the start, or give another --out folder."
        ) from error


def check_state(state: Mapping[str, Any], weights: Mapping[str, Tensor], steps: int) -> None:
    """Check what would otherwise fail long after a state was loaded.

    Args:
        state: What a checkpoint holds.
        weights: The supernet's, by name.
        steps: Of the whole training.

    Raises:
        ValueError: If the number of steps is out of range, a momentum does not have its weight's
            shape, or a table of the log is malformed.
        KeyError: If something is missing.
    """
    step = state["step"]
    if type(step) is not int or not 0 <= step <= steps:
        raise ValueError(f"step {step!r:.40} of {steps:,}")
    for name, buffer in state["momentum"].items():
        if not _is_like(buffer, weights[name]):
            raise ValueError(f"the momentum of {name} has another shape or type than the weight")
    for table, columns in state["log"].items():
        sizes = {tuple(column.shape) for column in columns.values()}
        if "step" not in columns:
            raise ValueError(f"the log's table {table!r:.40} has no column 'step'")
        if len(sizes) != 1 or len(*sizes) != 1:
            raise ValueError(f"the columns of the log's table {table!r:.40} differ in length")


def _is_like(value: object, weight: Tensor) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and (value.shape, value.dtype) == (weight.shape, weight.dtype)
    )
