"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Torch reads this when it is first imported, which is left to the tests that need it. One thread
# makes sums come out in one order, and two pytest workers do not fight over two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("COLUMNS", None)  # pytest's workers set it; what is printed has the width of a pipe

# No law fails because the machine is busy, or because its first example fills caches.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name what needs real data in `--junitxml` too, in which CI looks for skipped ones."""
    for item in items:
        if item.get_closest_marker("realdata"):
            item.user_properties.append(("realdata", ""))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests away from the user's cache: a truth fetched there would change what they see."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # which all workers share
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data; tests that ask for it carry the marker `realdata`."""
    folder = os.environ.get("HARNESS_DATA")
    if not folder:
        pytest.skip("$HARNESS_DATA is not set, so there is no real data to test with")
    return Path(folder)


@pytest.fixture
def float64() -> Iterator[None]:
    """Check algebra in float64; the projectors follow torch's default."""
    import torch

    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session", autouse=True)
def _unsorted_cells() -> Iterator[None]:
    """Leave the cells of NAS-Bench-101 in the order in which they are enumerated.

    Hashing them, by which the published rows are sorted, takes a minute. Tests that need that order
    run in a process of their own.
    """
    import numpy as np

    from harness.spaces.nb101 import table

    @cache
    def read_cells() -> table.PackedArray:
        return np.array([table.pack(cell) for cell in table.enumerate_cells()], dtype=np.uint32)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "read_cells", read_cells)
        yield
