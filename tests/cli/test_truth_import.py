"""`harness truth import`: from a file of results to a table that is found by itself."""

from __future__ import annotations

import bz2
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.truth import load_table
from tests.cli.commandline import Invoke
from tests.published_files import (
    as_rows,
    make_results,
    write_nats,
    write_official,
    write_pbz2,
)

RESULTS = make_results(3)
ROWS = as_rows(RESULTS)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and no data elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    return tmp_path


def make_source(kind: str, folder: Path) -> Path:
    if kind == "nb201":
        write_official(folder / "NAS-Bench-201-v1_1-096897.pth", RESULTS)
        return folder / "NAS-Bench-201-v1_1-096897.pth"
    if kind == "nats":
        write_nats(folder / "NATS-tss-v1_0-3ffb9-simple", RESULTS)
        return folder / "NATS-tss-v1_0-3ffb9-simple"
    ROWS.to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


@pytest.mark.parametrize("kind", ["nb201", "nats", "rows"])
def test_a_source_becomes_the_table_that_is_found_by_itself(
    invoke: Invoke, here: Path, kind: str
) -> None:
    result = invoke("truth", "import", make_source(kind, here), "--as", kind)
    assert (result.code, result.err) == (0, "")
    place = here / "cache" / "harness" / "nb201" / "truth.parquet"
    assert f"{place}: 3 architectures, {len(ROWS):,} rows" in result.out
    table = load_table(place)
    assert table.name == "nb201"
    assert table.rows.accuracy.tolist() == ROWS.accuracy.tolist()
    assert table.metadata["source_file"] == make_source_name(kind)


def make_source_name(kind: str) -> str:
    names = {
        "nb201": "NAS-Bench-201-v1_1-096897.pth",
        "nats": "NATS-tss-v1_0-3ffb9-simple",
        "rows": "rows.csv",
    }
    return names[kind]


def test_json_says_what_was_made(invoke: Invoke, here: Path) -> None:
    source = make_source("rows", here)
    arguments = ("truth", "import", source, "--out", here / "deep" / "t.parquet", "--json")
    result = invoke(*arguments, "--name", "mine")
    made: dict[str, Any] = json.loads(result.out)
    table = load_table(here / "deep" / "t.parquet")
    assert made["path"] == str(here / "deep" / "t.parquet")
    assert (made["name"], made["written"], made["n_archs"]) == ("mine", True, 3)
    assert (made["n_rows"], made["sha256"]) == (len(ROWS), table.sha256)
    assert made["metadata"] == table.metadata
    assert {group["dataset"] for group in made["groups"]} == set(ROWS.dataset)
    assert json.loads(invoke(*arguments).out)["written"] is False


def test_the_data_folder_that_is_named_gets_the_table(invoke: Invoke, here: Path) -> None:
    (here / "data").mkdir()
    result = invoke("truth", "import", make_source("rows", here), "--data-dir", here / "data")
    assert result.code == 0
    assert (here / "data" / "nb201" / "truth.parquet").is_file()
    missing = invoke("truth", "import", here / "rows.csv", "--data-dir", here / "none")
    assert missing.code == 1
    assert "is not a folder" in missing.err


def test_another_table_is_not_replaced_without_force(invoke: Invoke, here: Path) -> None:
    source, out = make_source("rows", here), here / "t.parquet"
    invoke("truth", "import", source, "--out", out)
    before = out.read_bytes()
    again = invoke("truth", "import", source, "--out", out)
    assert again.code == 0
    assert "was there already" in again.out
    ROWS.iloc[1:].to_csv(source, index=False)
    other = invoke("truth", "import", source, "--out", out)
    assert other.code == 1
    assert "--force" in other.err
    assert out.read_bytes() == before
    assert invoke("truth", "import", source, "--out", out, "--force").code == 0
    assert len(load_table(out).columns) == len(ROWS) - 1


def test_what_is_left_out_is_told_on_the_error_stream(invoke: Invoke, here: Path) -> None:
    folder = make_source("nats", here)
    (folder / "000001.pickle.pbz2").unlink()
    out = here / "t.parquet"
    refused = invoke("truth", "import", folder, "--out", out)
    assert refused.code == 1
    assert "lacks the records of 1 of 3 architectures (1)" in refused.err
    assert not out.exists()
    allowed = invoke("truth", "import", folder, "--out", out, "--allow-missing", "--json")
    assert allowed.code == 0
    assert "Note: " in allowed.err
    assert json.loads(allowed.out)["metadata"]["n_missing_archs"] == "1"


def test_duplicates_are_told_on_the_error_stream(invoke: Invoke, here: Path) -> None:
    make_source("rows", here)
    with (here / "rows.csv").open("a") as file:
        file.write((here / "rows.csv").read_text().splitlines()[1] + "\n")
    result = invoke("truth", "import", here / "rows.csv", "--out", here / "t.parquet")
    assert result.code == 0
    assert "Note: 1 rows of" in result.err


def test_fractions_are_scaled_if_asked_for(invoke: Invoke, here: Path) -> None:
    ROWS.assign(accuracy=ROWS.accuracy / 100).to_csv(here / "rows.csv", index=False)
    arguments = ("truth", "import", here / "rows.csv", "--out", here / "t.parquet")
    refused = invoke(*arguments)
    assert refused.code == 1
    assert "--accuracy-scale 100" in refused.err
    assert invoke(*arguments, "--accuracy-scale", "100").code == 0


class Hostile:
    """Its pickle makes a folder when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.makedirs, (self.marker,)


def spoil_class(folder: Path) -> Path:
    path = make_source("nats", folder) / "000000.pickle.pbz2"
    content = pickle.loads(bz2.decompress(path.read_bytes()))
    write_pbz2(path, content | {"more": Hostile(folder / "marker")})
    return path.parent


def spoil_order(folder: Path) -> Path:
    path = make_source("nats", folder) / "meta.pickle.pbz2"
    content = pickle.loads(bz2.decompress(path.read_bytes()))
    write_pbz2(path, content | {"meta_archs": content["meta_archs"][::-1]})
    return path.parent


def spoil_space(folder: Path) -> Path:
    path = make_source("nats", folder) / "meta.pickle.pbz2"
    write_pbz2(path, {"meta_archs": ["64:64:64:64:64"]})
    return path.parent


def cut(kind: str, name: str = "") -> Any:
    def spoil(folder: Path) -> Path:
        source = make_source(kind, folder)
        path = source / name if name else source
        path.write_bytes(path.read_bytes()[:-200])
        return source

    return spoil


def cut_parquet(folder: Path) -> Path:
    ROWS.to_parquet(folder / "rows.parquet")
    content = (folder / "rows.parquet").read_bytes()
    (folder / "rows.parquet").write_bytes(content[: len(content) // 2])
    return folder / "rows.parquet"


def unknown_arch(folder: Path) -> Path:
    rows = ROWS.drop(columns="nb201_index").assign(arch_str="|conv_7x7~0|")
    rows.to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def disagreement(folder: Path) -> Path:
    source = make_source("rows", folder)
    lines = source.read_text().splitlines()
    source.write_text("\n".join([*lines, lines[1].rsplit(",", 1)[0] + ",1.25"]))
    return source


SPOILT = [
    (spoil_class, "names 'os.makedirs'"),
    (spoil_order, "at index 0 is"),
    (spoil_space, "another space"),
    (cut("nb201"), "cannot be read"),
    (cut("nats", "000001.pickle.pbz2"), "is cut off"),
    (cut_parquet, "not a whole Parquet file"),
    (unknown_arch, "names no architecture of the space 'nb201'"),
    (disagreement, "disagree"),
    (lambda folder: folder / "nothing", "There is nothing at"),
    (lambda folder: folder, "is a folder without"),
]


@pytest.mark.parametrize(("spoil", "message"), SPOILT)
def test_bad_input_is_one_line_and_leaves_nothing(
    invoke: Invoke, here: Path, spoil: Any, message: str
) -> None:
    source = spoil(here)
    before = sorted(here.rglob("*"))
    result = invoke("truth", "import", source)
    assert result.code == 1
    assert result.out == ""
    assert message in result.err
    assert result.err.startswith("Error: ")
    assert result.err.count("\n") == 1
    assert sorted(here.rglob("*")) == before


def test_without_a_terminal_progress_is_a_line_now_and_then(
    invoke: Invoke, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.cli.progress.PLAIN_EVERY_S", 0.0)
    monkeypatch.setattr("harness.cli.progress.QUIET_S", 0.0)
    result = invoke("truth", "import", make_source("nats", here), "--json")
    assert [line.split(",")[0] for line in result.err.splitlines()] == [
        "reading: 33%",
        "reading: 67%",
        "reading: 100%",
    ]
    assert result.err.endswith("0 s left\n")
    json.loads(result.out)


def test_an_unknown_format_is_a_mistake_of_usage(invoke: Invoke, here: Path) -> None:
    result = invoke("truth", "import", make_source("rows", here), "--as", "row")
    assert result.code == 2
    assert "Did you mean 'rows'?" in result.err


def test_an_interrupted_import_leaves_nothing(here: Path) -> None:
    folder = make_source("nats", here)
    before = sorted(here.rglob("*"))
    script = (
        "import signal, time, harness.truth.importers.nb201.nats as nats\n"
        # A shell makes what it starts in the background deaf to Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def slow(*_): print('reading', flush=True); time.sleep(60)\n"
        "nats.read_record = slow\n"
        "from harness.cli.main import main\n"
        f"main(['truth', 'import', {str(folder)!r}])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "reading\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted" in error
    assert "Traceback" not in error
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("kind", ["nb201", "nats"])
def test_epochs_of_the_curves_are_kept_if_they_are_asked_for(
    invoke: Invoke, here: Path, kind: str
) -> None:
    source = make_source(kind, here)
    result = invoke("truth", "import", source, "--curve-epochs", "50,3", "--json")
    assert (result.code, result.err) == (0, "")
    made = json.loads(result.out)
    assert {group["epochs"] for group in made["groups"]} == {3, 12, 50, 200}
    assert {group["dataset"] for group in made["groups"] if group["epochs"] == 3} == {
        *("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
    }


@pytest.mark.parametrize("text", ["x", "0", "1,-2", ","])
def test_what_is_no_list_of_epochs_is_refused(invoke: Invoke, here: Path, text: str) -> None:
    result = invoke("truth", "import", "any.pth", "--curve-epochs", text)
    assert (result.code, result.out) == (2, "")
    assert f"--curve-epochs '{text}' is not a list of epochs from 1, such as 1,12." in result.err
