"""Every registered strategy against every law."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.strategies import REGISTRY
from tests.contract.strategies import LAWS, ROWS, Row


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_strategy_keeps_the_law_that(
    row: Row, law: Callable[[Row, Path], None], tmp_path: Path
) -> None:
    law(row, tmp_path)


def test_every_registered_strategy_has_a_row() -> None:
    assert {row.strategy for row in ROWS} == set(REGISTRY)
