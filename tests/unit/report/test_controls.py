"""What a report says about the controls of orthogonal gradient descent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.report.training_tables import CONTROLS, CONTROLS_NOTE, training_notes
from harness.strategies import REGISTRY, load_strategy
from harness.strategies.ogd_settings import OgdSettings


def report_of(*strategies: str) -> Any:
    """As much of a report as its notes are made from."""
    runs = [SimpleNamespace(config=SimpleNamespace(strategy=name)) for name in strategies]
    return SimpleNamespace(trainings=[SimpleNamespace(runs=runs)])


@pytest.mark.parametrize(
    ("strategies", "warned"),
    [
        (("spos", "ogd"), True),
        (("spos", "fairnas", "ogd"), True),
        (("spos",), False),
        *((("spos", "ogd", control), False) for control in CONTROLS),
    ],
)
def test_a_report_on_ogd_says_so_where_none_of_its_runs_is_a_control(
    strategies: tuple[str, ...], warned: bool
) -> None:
    assert (CONTROLS_NOTE in training_notes(report_of(*strategies))) == warned


def test_the_controls_are_registered_strategies_that_read_the_settings_of_ogd() -> None:
    assert set(CONTROLS) < set(REGISTRY)
    assert {load_strategy(name).Settings for name in CONTROLS} == {OgdSettings}
