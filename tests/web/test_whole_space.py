"""All 15,625 architectures in a real browser: the page stays responsive.

The bounds are ten times what was measured on two busy cores: they catch what is slow by design,
such as an element a point, and not a slow machine.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

from harness.estimators.loading import make_estimators
from harness.report import TruthChoice, make_report
from harness.report.page import save_page
from harness.spaces.nb201.encoding import (
    CONV_1X1,
    CONV_3X3,
    N_ARCHS,
    NONE,
    Arch,
    arch_at,
    enumerate_archs,
)
from harness.truth import make_table, save_table
from tests.web.conftest import Open

OPEN_S, ACT_S = 15.0, 5.0
MOVE_MS = 100.0
MOST_BYTES = 1_000_000


def widths(arch: Arch) -> float:
    return 2 * arch.count_op(CONV_3X3) + arch.count_op(CONV_1X1) + arch.nb201_index / N_ARCHS


@pytest.fixture(scope="module", name="accuracy")
def _accuracy() -> np.ndarray:
    noise = np.random.RandomState(0).normal(0, 2, N_ARCHS)
    sizes = [5 * arch.count_op(CONV_3X3) - 4 * arch.count_op(NONE) for arch in enumerate_archs()]
    return np.round(50 + np.array(sizes) + noise, 6)


@pytest.fixture(scope="module", name="file")
def _file(accuracy: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    rows = pd.DataFrame(
        {
            "nb201_index": np.arange(N_ARCHS),
            "arch_str": list(map(str, enumerate_archs())),
            "dataset": "made-up",
            "split": "test",
            "epochs": 1,
            "trial": 0,
            "seed": 0,
            "accuracy": accuracy,
        }
    )
    table = folder / "truth.parquet"
    save_table(make_table(rows, "made up", {}), table)
    choice = TruthChoice(dataset="made-up", table=str(table))
    file = folder / "report.html"
    save_page(make_report(make_estimators(widths), [choice]), file)
    return file


def test_the_whole_space_is_drawn_searched_and_pointed_at_in_time(
    file: Path, accuracy: np.ndarray, open_page: Open
) -> None:
    assert file.stat().st_size < MOST_BYTES
    start = time.monotonic()
    page = open_page(file).page
    expect(page.locator("#count")).to_have_text("15,625 of 15,625 architectures are shown.")
    assert time.monotonic() - start < OPEN_S

    start = time.monotonic()
    page.select_option("#pick-population", label="without none")
    expect(page.locator("#count")).to_have_text("4,096 of 15,625 architectures are shown.")
    page.select_option("#pick-population", label="all")
    page.fill("#find", "|nor_conv_3x3~0|+")
    expect(page.locator("#count")).to_contain_text("; 3,125 of these match.")
    page.fill("#find", "6111")
    expect(page.locator("#count")).to_contain_text("; 1 of these match.")
    assert time.monotonic() - start < ACT_S

    x, y = page.evaluate("window.scatterPlace()")
    page.locator("#cloud").scroll_into_view_if_needed()
    x, y = page.evaluate("window.scatterPlace()")
    start = time.monotonic()
    page.mouse.move(x, y)
    expect(page.locator("#tip")).to_contain_text(str(arch_at(6111)))
    expect(page.locator("#tip")).to_contain_text(f"truth {accuracy[6111]:.6g}%")
    rank = int((accuracy > accuracy[6111]).sum()) + 1
    expect(page.locator("#tip")).to_contain_text(f"{rank:,} by truth, of 15,625")
    assert time.monotonic() - start < ACT_S


def test_moving_over_the_cloud_keeps_up_with_the_pointer(file: Path, open_page: Open) -> None:
    page = open_page(file).page
    page.locator("#cloud").scroll_into_view_if_needed()
    slowest = page.evaluate(
        """() => {
          const canvas = document.getElementById("canvas"), box = canvas.getBoundingClientRect();
          const took = [];
          for (let k = 0; k < 60; k++) {
            const at = { clientX: box.left + (0.1 + k / 80) * box.width,
              clientY: box.top + (0.9 - k / 80) * box.height };
            const start = performance.now();
            canvas.dispatchEvent(new PointerEvent("pointermove", at));
            took.push(performance.now() - start);
          }
          return took.sort((a, b) => a - b)[54];
        }"""
    )
    assert slowest < MOVE_MS


def test_every_architecture_is_spelled_as_the_benchmark_spells_it(
    file: Path, open_page: Open
) -> None:
    page = open_page(file).page
    page.get_by_text("The 20 best scored").click()
    for index in (0, 1, 857, 9930, N_ARCHS - 1):
        page.fill("#find", str(index))
        expect(page.locator("#best tbody th")).to_have_text(str(arch_at(index)))
