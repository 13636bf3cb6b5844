"""`harness run` with every registered strategy, and the settings of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.settings.run import RunConfig
from harness.strategies import REGISTRY, load_strategy
from tests.cli.commandline import TINY, Invoke
from tests.e2e.processes import run_here


def tables_of(strategy: str) -> set[str]:
    own = load_strategy(strategy).Settings
    return set() if own is None else {own.table}


PROJECTING = sorted(name for name in REGISTRY if tables_of(name) == {"ogd"})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of every strategy; not to be changed."""
    out = tmp_path_factory.mktemp("finished")
    code, _, err = run_here(*TINY, "--strategies", ",".join(REGISTRY), "--out", out)
    assert code == 0, err
    return out


def record_of(out: Path, strategy: str) -> dict[str, Any]:
    (folder,) = out.glob(f"tiles-{strategy}-s0-*")
    record: dict[str, Any] = json.loads((folder / "record.json").read_text())
    return record


@pytest.mark.parametrize("strategy", REGISTRY)
def test_a_run_of_any_strategy_stores_the_settings_that_it_reads_and_no_others(
    finished: Path, strategy: str
) -> None:
    record = record_of(finished, strategy)
    assert record["status"] == "finished"
    assert record["config"].keys() - RunConfig.model_fields == tables_of(strategy)


@pytest.mark.parametrize("strategy", ["nsas", "ogd", "wpl"])
def test_its_own_config_file_is_the_same_run_of_a_strategy_with_settings(
    invoke: Invoke, finished: Path, strategy: str
) -> None:
    (folder,) = finished.glob(f"tiles-{strategy}-s0-*")
    result = invoke("run", "--config", folder / "config.toml", "--out", finished, "--json")
    assert result.code == 0
    assert [r["run_id"] for r in json.loads(result.out)["runs"]] == [folder.name]


@pytest.mark.parametrize("strategy", PROJECTING)
def test_plasticity_is_recorded_for_every_layer_over_training(
    finished: Path, strategy: str
) -> None:
    (folder,) = finished.glob(f"tiles-{strategy}-s0-*")
    layers = pd.read_parquet(folder / "layers.parquet")
    diagnostics = pd.read_parquet(folder / "diagnostics.parquet")
    assert list(layers.columns) == ["step", "layer", "plasticity"]
    assert layers["layer"].dtype == "category"
    assert {"stem.weight", "classifier.weight"} <= set(layers["layer"])
    assert layers["plasticity"].between(0, 1 + 1e-6).all()
    means = layers.groupby("step")["plasticity"].mean()
    assert means.index.tolist() == diagnostics["step"].tolist()
    assert means.tolist() == pytest.approx(diagnostics["plasticity"].tolist())


def test_strategies_without_projectors_record_no_layers(finished: Path) -> None:
    with_layers = {path.parent.name for path in finished.glob("*/layers.parquet")}
    assert len(with_layers) == len(PROJECTING)
    assert not any("-fairnas-" in name for name in with_layers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "nsas.constraint=3"), "Did you mean 'nsas.constraints'?"),
        (("--set", "nsas.weight=1"), "nsas.weight = 1"),
        (("--set", "wpl.decay=2"), "wpl.decay = 2"),
        (("--set", "ogd.layers=none"), "'both', 'searchable' or 'shared'"),
        (("--set", "ogd.warmup_frac=2"), "ogd.warmup_frac = 2"),
        (("--set", "ogd.strength_end=0"), "ogd.strength_end = 0"),
    ],
)
def test_settings_of_strategies_that_are_not_allowed_are_refused(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = invoke(*TINY, *arguments, "--out", tmp_path)
    assert result.code == 2
    assert message in result.err
