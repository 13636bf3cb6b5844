"""What the tests with real processes share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import NESTED, SETTINGS, SLOW_RANKING, only_run, run_here


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an uninterrupted run of `SETTINGS`."""
    out = tmp_path_factory.mktemp("reference")
    code, _, err = run_here(*SETTINGS, "--out", out, "--jobs", 1)
    assert code == 0, err
    return only_run(out)


@pytest.fixture(scope="session")
def nested_reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the two uninterrupted runs of `NESTED`."""
    out = tmp_path_factory.mktemp("nested")
    code, _, err = run_here(*NESTED, "--out", out, "--jobs", 1)
    assert code == 0, err
    return out


@pytest.fixture(scope="session")
def slow_ranking_reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an uninterrupted run of `SETTINGS` and `SLOW_RANKING`."""
    out = tmp_path_factory.mktemp("slow_ranking")
    code, _, err = run_here(*SETTINGS, *SLOW_RANKING, "--out", out, "--jobs", 1)
    assert code == 0, err
    return only_run(out)


def _mount(*arguments: object) -> None:
    """Mount something, or skip the test where that is not permitted."""
    command = ["mount", *map(str, arguments)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system is not permitted here")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def make_read_only() -> Iterator[Callable[[Path], None]]:
    """Makes folders read-only, for root too, until the end of the test."""
    mounted: list[Path] = []

    def make(folder: Path) -> None:
        _mount("--bind", folder, folder)
        mounted.append(folder)
        _mount("-o", "remount,bind,ro", folder)

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
