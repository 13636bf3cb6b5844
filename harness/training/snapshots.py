"""Weights kept at several steps of training, to rank with: disturbance averages out over them.

What a step does to other paths lasts only until other steps undo it, so the ranking by the weights
of any one step is noisy. With `rank_snapshots` of K the weights of the last K steps that are
`snapshot_every` apart are kept, the final ones among them, and the batches of ranking images are
scored with each in turn. A ranking on as many images costs as much as before.

Averaging scores over checkpoints is our own choice, unlike averaging weights (Izmailov et
al., 2018, arXiv 1803.05407); its effect on tau is measured in `results/`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness.errors import CheckpointError
from harness.runs.folder import SNAPSHOTS
from harness.seeding import make_rng
from harness.settings.run import RunConfig
from harness.training.checkpoint import read_sealed, write_sealed

_NAME = re.compile(rf"{SNAPSHOTS}/step-[0-9]{{7,}}\.pt")


def snapshot_steps(config: RunConfig) -> list[int]:
    """Return the steps after which weights are kept, ascending; the last is the final one."""
    back = reversed(range(config.rank_snapshots))
    return [config.steps - n * config.snapshot_every for n in back]


def ranking_order(config: RunConfig) -> list[int]:
    """Return the same steps in the order in which batches of images are ranked with them.

    It is random, but fixed: a ranking that ends early has then seen early and late weights.
    """
    steps = snapshot_steps(config)
    order = make_rng(config.split_seed, "snapshots").permutation(len(steps))
    return [steps[position] for position in order]


def save_snapshot(folder: Path, step: int, weights: dict[str, Any]) -> None:
    """Keep the weights after some step.

    Args:
        folder: The run's folder.
        step: The step.
        weights: The supernet's state.

    Raises:
        StoreError: If there is no space left.
    """
    path = snapshot_path(folder, step)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sealed(path, {"step": step, "network": weights})


def load_snapshot(folder: Path, step: int) -> dict[str, Any]:
    """Load the weights after some step.

    Args:
        folder: The run's folder.
        step: The step.

    Returns:
        The supernet's state.

    Raises:
        CheckpointError: If they are missing or damaged.
    """
    path = snapshot_path(folder, step)
    try:
        state = read_sealed(path)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error} The ranking needs the weights after step {step:,}. Remove the run's folder "
            f"{folder} to train it again."
        ) from error
    weights: dict[str, Any] = state["network"]
    return weights


def is_snapshot(name: str) -> bool:
    """Say whether a file is a snapshot, by its name within the run's folder, with `/`."""
    return _NAME.fullmatch(name) is not None


def list_snapshots(folder: Path) -> list[str]:
    """List the names of a run's snapshots, as in `is_snapshot`, sorted."""
    names = (f"{SNAPSHOTS}/{path.name}" for path in (folder / SNAPSHOTS).glob("*"))
    return sorted(name for name in names if is_snapshot(name))


def remove_snapshots(folder: Path) -> None:
    """Remove the snapshots; a finished ranking no longer needs them."""
    if (folder / SNAPSHOTS).is_dir():
        for path in (folder / SNAPSHOTS).iterdir():
            path.unlink()
        (folder / SNAPSHOTS).rmdir()


def snapshot_path(folder: Path, step: int) -> Path:
    """Return where the weights after some step are kept."""
    return folder / SNAPSHOTS / f"step-{step:07d}.pt"
