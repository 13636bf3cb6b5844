"""What the tests with real processes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.processes import SETTINGS, SLOW_RANKING, only_run, run_here


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an uninterrupted run of `SETTINGS`."""
    out = tmp_path_factory.mktemp("reference")
    code, _, err = run_here(*SETTINGS, "--out", out, "--jobs", 1)
    assert code == 0, err
    return only_run(out)


@pytest.fixture(scope="session")
def slow_ranking_reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an uninterrupted run of `SETTINGS` and `SLOW_RANKING`."""
    out = tmp_path_factory.mktemp("slow_ranking")
    code, _, err = run_here(*SETTINGS, *SLOW_RANKING, "--out", out, "--jobs", 1)
    assert code == 0, err
    return only_run(out)
