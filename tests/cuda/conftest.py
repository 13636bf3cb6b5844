"""Tests of a GPU. Their bodies run on the CPU too where no other test of it says the same."""

from __future__ import annotations

import pytest
import torch

from harness.execution.machine import prepare_process
from harness.testing import tiny


@pytest.fixture(
    params=[
        pytest.param("cpu", marks=pytest.mark.slow),
        pytest.param("cuda", marks=pytest.mark.cuda),
    ]
)
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """The device that the tiny images are on, and so whatever computes on them."""
    found = torch.device(request.param)
    if found.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device here")
    prepare_process({"threads": 1})
    data = tiny.tiny_data().to(found)
    monkeypatch.setattr(tiny, "tiny_data", lambda: data)
    return found
