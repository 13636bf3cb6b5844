"""Every registered strategy against every law."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.strategies import REGISTRY
from harness.testing.strategies import LAWS, Row, check_strategy
from tests.contract.strategies import ROWS


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_strategy_keeps_the_law_that(
    row: Row, law: Callable[[Row, Path], None], tmp_path: Path
) -> None:
    law(row, tmp_path)


def test_a_strategy_of_ones_own_is_held_to_all_laws_in_one_call(tmp_path: Path) -> None:
    check_strategy("harness.strategies.spos:SinglePathOneShot", tmp_path)


def test_every_registered_strategy_has_a_row() -> None:
    assert {row.strategy for row in ROWS} == set(REGISTRY)
