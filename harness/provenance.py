"""Provenance stored with every result: versions, machine and commit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

DISTRIBUTION = "nas-ranking-harness"
"""The name to install by; on the package index `harness` is somebody else's."""
PACKAGES = ("torch", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn")


@cache
def environment() -> dict[str, Any]:
    """Describe the machine and the versions, without importing any of the packages.

    Returns:
        Plain values, ready for JSON. No host name, user name or path is among them.
    """
    cpu, cpu_id = _cpu()
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": cpu,
        "cpu_id": cpu_id,
        "cores": os.cpu_count(),
        "packages": {"harness": own_version(), **versions(PACKAGES)},
    }


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of packages, None where one is not installed, without importing them."""
    return {name: _version(name) for name in packages}


def own_version() -> str | None:
    """Return the version of this package, or None where it runs without being installed."""
    return _version(DISTRIBUTION)


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra, for a message."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


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


def _cpu() -> tuple[str, str | None]:
    """Return the CPU's name, and its maker, family, model and stepping where the system tells.

    Virtual machines often shorten the name to what several generations have in common.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor(), None
    first = text.split("\n\n")[0].splitlines()
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first)
    }
    named = {"vendor_id": "", "cpu family": "family ", "model": "model ", "stepping": "stepping "}
    known = [prefix + facts[key] for key, prefix in named.items() if key in facts]
    return facts.get("model name") or platform.processor(), " ".join(known) or None
