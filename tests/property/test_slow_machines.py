"""What a busy machine may do to a law's test: nothing."""

from __future__ import annotations

import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LONGER_THAN_THE_DEADLINE_S = 0.25
"""Of hypothesis, unless a profile says otherwise: 0.2 s an example."""


@settings(max_examples=1)
@given(st.none())
def test_a_slow_example_is_no_failure(nothing: None) -> None:
    time.sleep(LONGER_THAN_THE_DEADLINE_S)
    assert HealthCheck.too_slow in settings.default.suppress_health_check
