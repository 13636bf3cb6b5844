"""Finished run folders made up for tests of reports: scores are given, all else is invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.estimators import read_by
from harness.runs.folder import RunFolder
from harness.runs.record import Record
from harness.scores import save_scores
from harness.settings.layers import make_config
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.strategies import strategy_settings
from harness.truth import TruthTable, default_query

N = 60
INDICES = np.array(sample_indices(N))
"""The architectures ranked: the first of the permutation."""

FloatArray = npt.NDArray[np.float64]


def make_disturbance(level: float, seed: int = 0) -> pd.DataFrame:
    """Invent disturbance of some size at three steps."""
    rng = np.random.RandomState(seed)
    rows = []
    for step in (3, 7, 11):
        for probe_set, n in (("trained", 1), ("recent", 4), ("fixed", 3)):
            for _ in range(n):
                before = rng.uniform(1, 2)
                rows.append(
                    {
                        "step": step,
                        "probe_set": probe_set,
                        "trained_index": 1,
                        "probed_index": 2,
                        "shared_convs": rng.randint(0, 3),
                        "loss_before": before,
                        "loss_after": before + level * rng.normal(),
                        "accuracy_before": rng.uniform(0, 100),
                        "accuracy_after": rng.uniform(0, 100),
                        "logit_change": rng.uniform(),
                    }
                )
    return pd.DataFrame(rows).astype({"probe_set": "category"})


def make_run(
    root: Path,
    scores: FloatArray,
    strategy: str = "spos",
    seed: int = 0,
    status: str = "finished",
    train_loss: float = 2.0,
    *,
    truth: TruthTable,
    **settings: Any,
) -> RunFolder:
    """Write a run's folder; a score that is NaN is a failed one."""
    small = {"strategy": strategy, "seed": seed, "n_archs": N, "rank_readout": "shared"}
    config = make_config(small, settings)
    if strategy == "ogd":
        table = strategy_settings(config)
        assert table is not None
        config = config.with_tables({"ogd": table.stored()})
    config = config.reading(read_by([config]))
    folder = RunFolder(root / config.run_id)
    query = str(default_query(config.dataset))
    folder.write_record(
        Record(
            run_id=config.run_id,
            status=status,
            started="2025-01-01T00:00:00+00:00",
            config=config.stored(),
            data={"truth_sha256": truth.sha256, "truth_query": query, "n_ranked": len(scores)},
            timings={"train_s": 10.0 + seed, "probe_s": 1.0},
        )
    )
    frame = pd.DataFrame(
        {
            "nb201_index": INDICES[: len(scores)],
            "arch_str": [str(arch_at(index)) for index in INDICES[: len(scores)].tolist()],
            "score": scores,
            "loss": -scores,
            "accuracy": 50.0,
            "status": np.where(np.isnan(scores), "failed", "ok"),
        }
    )
    save_scores(frame, folder.path / "scores.parquet")
    folder.write_table("disturbance", make_disturbance(0.1 * (1 + seed), seed))
    curve = pd.DataFrame({"step": [1, 2], "train_loss": [3.0, train_loss]})
    folder.write_table("curve", curve)
    return folder
