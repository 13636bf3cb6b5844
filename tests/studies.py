"""Studies small enough for a test."""

from __future__ import annotations

from pathlib import Path

BASE = """
[base]
preset = "smoke"
device = "cpu"
threads = 1
n_archs = 3
rank_images = 16
rank_every = 0
probe_every = 2
probe_images = 4
steps = 4
checkpoint_every = 2
batch_size = 4
channels = 2
train_loss_archs = 1
train_loss_images = 8
"""
"""Settings of runs of a fraction of a second."""

LONG = BASE.replace("steps = 4\n", "steps = 5000\n")
"""Of runs that surely are under way when they are looked at."""

MIDDLING = BASE.replace("steps = 4\n", "steps = 60\n").replace("n_archs = 3", "n_archs = 12")
"""Of runs that can be met under way, and end soon."""


def write_study(folder: Path, rest: str, base: str = BASE, name: str = "mine") -> Path:
    """Write a study file."""
    path = folder / f"{name}.toml"
    path.write_text(base + rest, encoding="utf-8")
    return path
