"""Settings without effect are named where a command gives them."""

from __future__ import annotations

import pytest

from harness.settings.conflicts import IDLE, find_idle
from harness.settings.layers import make_config


@pytest.mark.parametrize("key", IDLE)
def test_a_setting_that_has_no_effect_is_named(key: str) -> None:
    other, value = IDLE[key]
    given = {key: 9, other: value}
    config = make_config({"preset": "standard"}, given)
    assert find_idle(config, given) == [f"{key} = 9, since {other} is {value!r}."]
    assert find_idle(config, {other: value}) == []


def test_settings_that_have_an_effect_are_not_named() -> None:
    given = {"recalibration_images": 100, "bn_mode": "recalibrated", "probe_paths": 2}
    assert find_idle(make_config(given), given) == []


def test_a_setting_that_no_estimator_reads_is_named_once() -> None:
    given = {"lr": 0.3, "seed": 1, "recalibration_images": 9, "zero_cost.cells": 1}
    assert find_idle(make_config(), given, read={"seed"}) == [
        "lr = 0.3, since no requested estimator reads it.",
        "recalibration_images = 9, since no requested estimator reads it.",
    ]
