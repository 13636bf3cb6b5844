"""NAS-Bench-101's cells, which no supernet ranks: a stopped predictor ends with the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.spaces import load_space
from harness.spaces.lookup import name_archs
from harness.spaces.nb101 import graph
from harness.truth import make_table, save_table
from tests.e2e.processes import check_same_bits, run_here

N = 80


@pytest.fixture(name="data")
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a truth of the tiles' images."""
    space = load_space("nb101")
    rows = pd.DataFrame(name_archs(space.prefix(N), space)).assign(
        dataset="tiles",
        split="test",
        epochs=12,
        trial=0,
        seed=0,
        accuracy=np.random.RandomState(0).uniform(50, 95, N),
    )
    folder = tmp_path / "data" / "nb101"
    folder.mkdir(parents=True)
    save_table(make_table(rows, "mine", {}, space=space), folder / "tiles.parquet")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    return tmp_path / "data"


def test_a_stopped_predictor_resumes_to_the_same_bits(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = (
        *("run", "--space", "nb101", "--dataset", "tiles", "--preset", "smoke", "--n-archs", "70"),
        *("--estimators", "conv3x3,predictor(n=32,model=gp,features=graf)", "--seeds", "0"),
        *("--jobs", "1", "--data-dir", data, "--out"),
    )

    def stop(*_given: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(graph, "graph_features", stop)
        assert run_here(*command, tmp_path / "stopped")[0] == 130
    for out in ("stopped", "whole"):
        code, _, err = run_here(*command, tmp_path / out)
        assert code == 0, err
    runs = sorted(path.name for path in (tmp_path / "whole").glob("nb101-*"))
    assert len(runs) == 2
    for name in runs:
        check_same_bits(tmp_path / "stopped" / name, tmp_path / "whole" / name)
