"""Many runs: what is given twice is done once, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.execution.conditions import Conditions
from harness.execution.runner import drop_repeats, resolve_all
from harness.settings.run import RunConfig
from tests.tiny import tiny_config


def test_a_run_that_is_given_twice_is_done_once_and_the_order_is_kept() -> None:
    first, second = tiny_config(seed=1), tiny_config(seed=0)
    resolved = drop_repeats(resolve_all([first, second, first], Conditions(Path("out"))))
    assert [config.seed for config in resolved] == [1, 0]


def test_two_runs_whose_folder_would_be_one_are_refused_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configs = [tiny_config(lr=0.1), tiny_config(lr=0.2)]
    # what a collision of the hash's first digits looks like
    monkeypatch.setattr(RunConfig, "run_id", property(lambda _: "tiles-spos-s0-00000000"))
    with pytest.raises(UsageError, match=r"stored as tiles-spos-s0-00000000: lr = 0\.1 and 0\.2\."):
        drop_repeats(resolve_all(configs, Conditions(Path("out"))))
