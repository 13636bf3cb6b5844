"""Provenance stored with every result: versions, machine and commit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

PACKAGES = ("harness", "torch", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn")


@cache
def environment() -> dict[str, Any]:
    """Describe the machine and the versions, without importing any of the packages.

    Returns:
        Plain values, ready for JSON. No host name, user name or path is among them.
    """
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


@cache
def commit() -> dict[str, Any]:
    """Describe the commit of the harness's own source.

    Returns:
        `commit` (hexadecimal, or None where the package is not in a git checkout of its own) and
        `dirty` (whether tracked files differ from it).
    """
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return {"commit": None, "dirty": None}
    head = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"commit": head or None, "dirty": None if changes is None else bool(changes)}


def now() -> str:
    """Return the current time, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no git; the package version still identifies the code
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
