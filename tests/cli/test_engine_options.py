"""Options of engines: which were given, and whether they can be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.cli.engine_options import RAY_ONLY, check_engine
from harness.errors import UsageError
from tests.cli.commandline import Invoke
from tests.studies import write_study

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


@pytest.mark.parametrize("address", ["10.0.0.1:6379", "head.example:1", "[::1]:6379", "auto"])
def test_an_address_of_a_head_is_taken(address: str) -> None:
    assert check_engine("ray", **{**NONE_GIVEN, "address": address}) == {"address": address}


@pytest.mark.parametrize(
    "address",
    [
        *("", "head", "head:", ":6379", "head:port", "head:0", "head:65536", "head:9999999999"),
        *("ray://head:10001", "http://head:8265", "head:\u0663"),
    ],
)
def test_anything_else_is_no_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"--address .* is not the address of a cluster's head"):
        check_engine("ray", **{**NONE_GIVEN, "address": address})
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(UsageError, match=r"^\$RAY_ADDRESS = '"):
            check_engine("ray", **NONE_GIVEN)


@pytest.mark.parametrize("address", ["head", "127.0.0.1:1"])
def test_a_sweep_without_its_cluster_writes_nothing(
    invoke: Invoke, tmp_path: Path, address: str
) -> None:
    study, out = write_study(tmp_path, ""), tmp_path / "out"
    result = invoke("sweep", study, "--out", out, "--engine", "ray", "--address", address)
    assert result.code == 2
    assert address in result.err
    assert not out.exists()
