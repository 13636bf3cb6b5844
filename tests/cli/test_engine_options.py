"""Options of engines: which were given, and whether they can be meant."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cli.engine_options import RAY_ONLY, check_engine

NONE_GIVEN: dict[str, Any] = {**dict.fromkeys(RAY_ONLY), "fetch": False}


@pytest.fixture(autouse=True)
def _with_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ray be installed, and no cluster be named elsewhere."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_what_was_not_given_is_left_to_the_engine() -> None:
    assert check_engine("ray", **NONE_GIVEN) == {}


def test_a_zero_is_given_too() -> None:
    zeros = {"retries": 0, "gpus": 0.0}
    assert check_engine("ray", **{**NONE_GIVEN, **zeros}) == zeros
