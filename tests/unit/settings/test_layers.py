"""Settings without effect are refused where a command gives them, and not in a config file."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.settings.layers import IDLE, make_config, refuse_idle


@pytest.mark.parametrize("key", IDLE)
def test_a_setting_that_has_no_effect_is_refused_by_name(key: str) -> None:
    other, value = IDLE[key]
    given = {key: 9, other: value}
    with pytest.raises(UsageError, match=f"^{key} = 9 was given, and has no effect: {other} is "):
        refuse_idle(make_config({"preset": "standard"}, given), given)
    refuse_idle(make_config({"preset": "standard"}, given), {other: value})


def test_settings_that_have_an_effect_are_not_refused() -> None:
    given = {"recalibration_images": 100, "bn_mode": "recalibrated", "probe_paths": 2}
    refuse_idle(make_config(given), given)
