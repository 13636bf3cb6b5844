"""`--profile`: what its times include."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.execution import profiling
from harness.execution.profiling import profile_run
from harness.training.loop import Trainer
from tests.tiny import tiny_config, tiny_data


def test_the_time_of_a_step_includes_what_a_gpu_was_only_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read: list[int] = []
    monkeypatch.setattr(profiling, "STEPS", 2)
    monkeypatch.setattr(profiling, "ARCHS", 1)
    # reading the log waits for all steps
    monkeypatch.setattr(Trainer, "log", property(lambda trainer: read.append(trainer.step)))
    profile_run(tiny_config(), tiny_data(), tmp_path)
    assert read == [2, 4, 6]  # a warm-up, without the profiler, with it
