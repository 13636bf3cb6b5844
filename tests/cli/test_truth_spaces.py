"""`harness truth` for a space of the user's own: `--space package.module:Class`."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from harness.spaces.lookup import name_archs
from harness.truth import make_table, save_table
from tests.cli.commandline import Invoke
from tests.spaces.toy import Toy

SPACE = ("--space", "tests.spaces.toy:Toy")
KEYS = Toy().prefix(30)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a table of the space, and an empty user cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    rows = pd.DataFrame(name_archs(KEYS, Toy())).assign(dataset="tiles", split="test", epochs=12)
    rows = rows.assign(trial=0, seed=0, accuracy=[float(n + 1) for n in range(len(KEYS))])
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    save_table(make_table(rows, "mine", {}, space=Toy()), folder / "tiles.parquet")
    return tmp_path / "data"


def test_every_view_takes_the_space(invoke: Invoke, data: Path) -> None:
    text = str(Toy().at(KEYS[4]))
    for view in (("list",), ("show", text), ("stats",), ("ceiling",), ("export",)):
        result = invoke("truth", *view, "--data-dir", data, *SPACE, "--json")
        assert result.code == 0, result.err
        assert "toy" in result.out
    shown = json.loads(invoke("truth", "show", text, "--data-dir", data, *SPACE, "--json").out)
    assert (shown["arch"], shown["position"], shown["standings"][0]["mean"]) == (text, 5, 5.0)
    assert "conv" in invoke("truth", "stats", "--data-dir", data, *SPACE).out
    listed = invoke("truth", "list", "--data-dir", data, *SPACE).out
    assert "The published table, toy, was not found" in listed


def test_what_was_exported_is_imported_as_the_same_table(
    invoke: Invoke, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "toy.csv"
    result = invoke("truth", "export", "--data-dir", data, *SPACE, "--out", out)
    assert result.code == 0, result.err
    assert out.read_text().startswith("space,arch,dataset,")
    made = json.loads(invoke("truth", "import", out, "--data-dir", data, *SPACE, "--json").out)
    assert made["path"] == str(data / "toy" / "truth.parquet")
    tables = json.loads(invoke("truth", "list", "--data-dir", data, *SPACE, "--json").out)["tables"]
    assert {table["name"]: table["sha256"] for table in tables} == {
        "toy": made["sha256"],
        "tiles": made["sha256"],
    }


def test_another_space_than_the_files_is_an_error(invoke: Invoke, data: Path) -> None:
    path = data / "toy" / "tiles.parquet"
    result = invoke("truth", "stats", "--table", path, "--space", "nb201")
    assert (result.code, result.out) == (1, "")
    assert "it is of the space 'toy', and 'nb201' was asked for" in result.err
    result = invoke("truth", "stats", "--table", path)
    assert result.code == 1
    assert "--space package.module:Class" in result.err
    result = invoke("truth", "stats", "--table", path, "--space", "toys")
    assert result.code == 2
    assert "Unknown space 'toys'" in result.err
