"""Checkpoints: written atomically, checked when read, the last two kept."""

from __future__ import annotations

import contextlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from harness.atomic import write_atomically
from harness.errors import CheckpointError
from harness.monitor import Monitor

SCHEMA = 1
CURRENT, PREVIOUS = "checkpoint.pt", "checkpoint.prev.pt"
DAMAGED = "checkpoint.damaged.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Save a state, keeping the one before it.

    Args:
        folder: The run's folder.
        state: Tensors and plain values.

    Raises:
        StoreError: If there is no space left; both older checkpoints survive.
    """
    # through memory: torch reports a full disk as a bare RuntimeError, a plain write as OSError
    content = io.BytesIO()
    torch.save({"schema": SCHEMA, **state}, content)
    new = folder / "checkpoint.new.pt"
    write_atomically(new, lambda path: _write_bytes(path, content.getvalue()))
    if (folder / CURRENT).exists():
        (folder / CURRENT).replace(folder / PREVIOUS)
    new.replace(folder / CURRENT)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


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
        # torch does not verify the checksums of the archive that it reads; zipfile does
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise _DamagedError(f"checksum of {damaged} is wrong")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (zipfile.BadZipFile, OSError, RuntimeError, EOFError, ValueError) as error:
        raise _DamagedError(str(error).splitlines()[0]) from error
    except pickle.UnpicklingError as error:
        raise _DamagedError("it holds objects that no checkpoint of ours has") from error
    if not isinstance(state, dict) or "schema" not in state:
        raise _DamagedError("it is no checkpoint of this program")
    if state["schema"] > SCHEMA:
        raise CheckpointError(
            f"{path} has schema {state['schema']}, this version reads up to {SCHEMA}. "
            "Update the harness, or give another --out folder."
        )
    return state
