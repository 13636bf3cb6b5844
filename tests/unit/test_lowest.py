"""The lowest versions that pyproject.toml allows, as CI installs them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from scripts.lowest import lowest

ROOT = Path(__file__).parents[2]


def test_every_dependency_is_at_its_lowest_version_but_torch_and_the_tools() -> None:
    project = {
        "dependencies": ["numpy>=1.26", "torch>=2.6"],
        "optional-dependencies": {"ray": ["ray>=2.49"], "dev": ["ruff"], "test": ["pytest>=8"]},
    }
    assert list(lowest(project)) == ["numpy==1.26", "ray==2.49"]


@pytest.mark.parametrize("requirement", ["numpy", "numpy<2", "numpy>=1.26,<3"])
def test_a_dependency_without_a_lowest_version_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match="is not NAME>=VERSION"):
        list(lowest({"dependencies": [requirement], "optional-dependencies": {}}))


def test_the_lowest_versions_of_this_project_are_known() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = list(lowest(content["project"]))
    assert "matplotlib==3.9" in found
    assert not any(constraint.startswith(("torch==", "pytest", "harness")) for constraint in found)
