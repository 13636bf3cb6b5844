"""`harness truth list`, `show`, `ceiling`, `stats` and `export`: for people and programs."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.truth import find_truth, load_table, make_table, save_table
from harness.truth.rows import COLUMNS
from tests.cli.commandline import Invoke

INDICES = sample_indices(80)
VIEWS = ("list", "show", "ceiling", "stats", "export")


def _rows(dataset: str = "cifar10") -> pd.DataFrame:
    """80 architectures with one to three trials, on two splits."""
    rng = np.random.RandomState(0)
    rows: list[dict[str, Any]] = []
    for number, index in enumerate(INDICES):
        true = rng.uniform(60, 94)
        for split in ("test", "valid"):
            for trial in range(1 + number % 3):
                rows.append(
                    {
                        "nb201_index": index,
                        "arch_str": str(arch_at(index)),
                        "dataset": dataset,
                        "split": split,
                        "epochs": 200,
                        "trial": trial,
                        "seed": (777, 888, -1)[trial],
                        "accuracy": float(true + rng.standard_normal() / 3),
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user cache folder, and no data folder set."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    return tmp_path / "cache" / "harness"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a small published table."""
    (tmp_path / "data" / "nb201").mkdir(parents=True)
    _rows().to_parquet(tmp_path / "data" / "nb201" / "truth_rows.parquet")
    return tmp_path / "data"


def _json(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def _arguments(view: str) -> tuple[str, ...]:
    return ("truth", view, *((str(INDICES[2]),) if view == "show" else ()))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_which_table_it_is_of(invoke: Invoke, data: Path, view: str) -> None:
    sha256 = find_truth("cifar10", data).sha256
    result = invoke(*_arguments(view), "--data-dir", data)
    assert result.code == 0
    assert sha256[:12] in result.out + result.err
    assert str(data / "nb201" / "truth_rows.parquet") in result.out + result.err
    answer = invoke(*_arguments(view), "--data-dir", data, "--json")
    assert answer.code == 0
    assert sha256 in json.dumps(_json(answer.out))


@pytest.mark.parametrize("view", VIEWS)
def test_without_data_the_views_are_of_the_bundled_table(invoke: Invoke, view: str) -> None:
    result = invoke(*_arguments(view), "--json")
    assert result.code == 0
    assert "nb201-tiles" in json.dumps(_json(result.out))


@pytest.mark.parametrize("view", ["show", "ceiling", "stats"])
def test_figures_are_never_cut_however_narrow_the_terminal(
    invoke: Invoke, data: Path, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = invoke(*_arguments(view), "--data-dir", data).out
    monkeypatch.setenv("COLUMNS", "30")
    narrow = invoke(*_arguments(view), "--data-dir", data).out
    assert "\u2026" not in narrow
    assert narrow.split() == wide.split()


def test_list_says_what_can_be_asked_for(invoke: Invoke, data: Path) -> None:
    assert invoke("truth", "stats", "--data-dir", data).code == 0  # converts into the cache
    tables = _json(invoke("truth", "list", "--data-dir", data, "--json").out)["tables"]
    assert [table["origin"] for table in tables] == ["package", "data folder", "user cache"]
    published = tables[1]
    assert (published["name"], published["status"]) == ("nb201", "ok")
    assert (published["n_rows"], published["n_archs"]) == (318, 80)
    assert published["provenance"]["source_file"] == "truth_rows.parquet"
    test, valid = published["queries"]
    assert (test["dataset"], test["split"], test["epochs"]) == ("cifar10", "test", 200)
    assert test["trials"] == {"1": 27, "2": 27, "3": 26}
    assert test["seeds"] == {"777": 80, "888": 53}
    assert valid["n_archs"] == 80
    for table in tables:  # every name that is listed can be asked for
        result = invoke("truth", "stats", "--data-dir", data, "--table", table["name"], "--json")
        assert _json(result.out)["table"]["sha256"] == table["sha256"]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table at all" * 100])
def test_a_damaged_table_is_listed_as_damaged(invoke: Invoke, data: Path, content: bytes) -> None:
    (data / "nb201" / "mine.parquet").write_bytes(content)
    result = invoke("truth", "list", "--data-dir", data)
    assert result.code == 0
    assert "DAMAGED" in result.out
    tables = _json(invoke("truth", "list", "--data-dir", data, "--json").out)["tables"]
    (mine,) = [table for table in tables if table["name"] == "mine"]
    assert mine["status"] == "damaged"
    assert "mine.parquet: this is not a whole Parquet file" in mine["problem"]
    assert [table["status"] for table in tables].count("ok") == len(tables) - 1


def test_a_table_of_another_space_is_listed_as_such(
    invoke: Invoke, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data / "nb201" / "mine.parquet"
    save_table(make_table(_rows(), "darts", {}), path)
    content = pq.read_table(path)
    metadata = content.schema.metadata | {b"harness_space": b"darts"}
    pq.write_table(content.replace_schema_metadata(metadata), path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(data / "cache"))
    result = invoke("truth", "list", "--data-dir", data)
    assert result.code == 0
    assert "is of the space 'darts'" in result.out


def test_list_says_what_to_do_where_there_is_no_published_table(invoke: Invoke) -> None:
    result = invoke("truth", "list")
    assert result.code == 0
    assert "nb201, was not found: set HARNESS_DATA or --data-dir" in result.out


def test_texts_of_a_file_do_not_steer_the_terminal(invoke: Invoke, tmp_path: Path) -> None:
    rows = _rows("\x1b[31mred[/red]")
    save_table(make_table(rows, "x", {"note": "\x1b]0;title\x07"}), tmp_path / "x.parquet")
    (tmp_path / "data" / "nb201").mkdir(parents=True)
    (tmp_path / "x.parquet").rename(tmp_path / "data" / "nb201" / "x.parquet")
    for arguments in (("list",), ("show", INDICES[0], "--table", "x")):
        result = invoke("truth", *arguments, "--data-dir", tmp_path / "data")
        assert result.code == 0
        assert "\x1b" not in result.out
        assert "?[31mred[/red]" in result.out


def test_show_takes_a_string_or_an_index(invoke: Invoke, data: Path) -> None:
    arch = arch_at(INDICES[2])
    by_index = invoke("truth", "show", INDICES[2], "--data-dir", data, "--json")
    by_string = invoke("truth", "show", f"  {arch} ", "--data-dir", data, "--json")
    assert by_index == by_string
    shown = _json(by_index.out)
    assert (shown["nb201_index"], shown["arch_str"], shown["position"]) == (
        INDICES[2],
        str(arch),
        3,
    )
    test = shown["standings"][0]
    assert [(t["trial"], t["seed"]) for t in test["trials"]] == [(0, 777), (1, 888), (2, None)]
    assert test["n_archs"] == 80
    assert INDICES[2] in shown["dead_edge_class"]
    assert {cost["dataset"] for cost in shown["costs"]} == {"cifar10"}


def test_show_lists_only_the_first_members_of_a_large_class(invoke: Invoke, data: Path) -> None:
    large = next(index for index in INDICES if len(arch_at(index).live_edges) < 3)
    result = invoke("truth", "show", large, "--data-dir", data)
    assert result.code == 0
    assert " members, " in result.out
    assert " more; representative" in result.out


BAD_ARCHS = {
    "15625": "Architecture index 15625 was given; the published table has 0 to 15624",
    "-1": "Architecture index -1 was given",
    "9" * 6000: "An index of 6,000 characters was given",
    "\u0663": "is not a NAS-Bench-201 architecture",
    "": "is not a NAS-Bench-201 architecture",
    "1.5": "is not a NAS-Bench-201 architecture",
    "|none~0|": "it has 1 nodes instead of 3",
    "|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|": "operation 'conv' is unknown",
}


@pytest.mark.parametrize(("text", "message"), BAD_ARCHS.items(), ids=lambda text: text[:10])
def test_show_refuses_what_is_no_architecture(invoke: Invoke, text: str, message: str) -> None:
    result = invoke("truth", "show", "--", text)
    assert result.code == 2
    assert message in result.err
    assert result.out == ""


def test_show_says_so_where_the_table_lacks_the_architecture(invoke: Invoke, data: Path) -> None:
    absent = sample_indices(81)[-1]
    result = invoke("truth", "show", absent, "--data-dir", data)
    assert result.code == 1
    assert "is not in the truth table 'nb201', which has 80 of the 15,625" in result.err


def test_ceiling_gives_both_numbers_with_their_populations(invoke: Invoke, data: Path) -> None:
    answer = _json(invoke("truth", "ceiling", "--data-dir", data, "--draws", "5", "--json").out)
    assert (answer["n"], answer["n_missing"], answer["draws"]) == (80, 0, 5)
    assert answer["trials"] == {"1": 27, "2": 27, "3": 26}
    whole, half, tenth = answer["populations"]
    assert [part["population"] for part in answer["populations"]] == ["all", "top half", "top 10%"]
    assert whole["reference"] is None  # 26 architectures with three trials are too few
    assert (whole["ceiling"]["n_archs"], half["ceiling"]["n_archs"]) == (80, 40)
    assert 0.9 < whole["ceiling"]["tau"] < 1
    assert whole["ceiling"]["se"] > 0
    assert tenth["ceiling"] is None
    printed = invoke("truth", "ceiling", "--data-dir", data, "--draws", "5").out
    assert f"{whole['ceiling']['tau']:.4f}" in printed
    assert "too few" in printed


def test_ceiling_repeats_itself_and_other_seeds_differ(invoke: Invoke, data: Path) -> None:
    call = ("truth", "ceiling", "--data-dir", data, "--draws", "3", "--json")
    assert invoke(*call) == invoke(*call)
    assert invoke(*call).out != invoke(*call, "--seed", "1").out


def test_a_single_trial_as_truth_has_a_lower_ceiling(invoke: Invoke, data: Path) -> None:
    call = ("truth", "ceiling", "--data-dir", data, "--json")
    mean = _json(invoke(*call).out)
    single = _json(invoke(*call, "--policy", "trial=0").out)
    assert single["query"]["policy"] == "trial=0"
    assert single["populations"][0]["ceiling"]["tau"] < mean["populations"][0]["ceiling"]["tau"]


@pytest.mark.parametrize("view", ["ceiling", "stats"])
def test_a_policy_that_some_lack_says_how_many(invoke: Invoke, data: Path, view: str) -> None:
    call = ("truth", view, "--data-dir", data, "--policy", "seed=888")
    result = invoke(*call)
    assert result.code == 0
    assert "seed 888; 53 architectures (27 more have such rows, but not this seed)" in result.out
    assert _json(invoke(*call, "--json").out)["n_missing"] == 27


MISTAKES: dict[tuple[str, ...], tuple[int, str]] = {
    ("--policy", "median"): (2, "Available: mean, trial=K, seed=S"),
    ("--policy", "seed=-1"): (2, "-1 stands for a seed that is not known"),
    ("--policy", "trial=7"): (1, "no architecture has that trial. It has trial 0 (80 rows)"),
    ("--policy", "seed=1"): (1, "It has seed 777 (80 rows), seed 888 (53 rows), 26 rows of"),
    ("--dataset", "cifar100"): (1, "no rows for cifar100 test, 200 epochs, mean of trials. It"),
    ("--split", "x"): (1, "no rows for cifar10 x, 200 epochs"),
    ("--epochs", "12"): (1, "no rows for cifar10 test, 12 epochs"),
    ("--epochs", "0"): (2, "0 is not in the range"),
    ("--table", "nb20l"): (2, "Unknown truth table 'nb20l'. Did you mean 'nb201'?"),
    ("--table", "no/where.parquet"): (1, "There is no truth table at 'no/where.parquet'"),
}


@pytest.mark.parametrize("view", ["ceiling", "stats", "export"])
@pytest.mark.parametrize(("options", "expected"), MISTAKES.items(), ids=str)
def test_a_wrong_query_is_explained(
    invoke: Invoke, data: Path, view: str, options: tuple[str, ...], expected: tuple[int, str]
) -> None:
    code, message = expected
    means = ("--means",) if view == "export" else ()
    result = invoke("truth", view, "--data-dir", data, *means, *options)
    assert result.code == code
    assert message in result.err
    assert result.out == ""


@pytest.mark.parametrize("view", VIEWS)
def test_a_data_folder_that_does_not_exist_is_named(invoke: Invoke, view: str) -> None:
    result = invoke(*_arguments(view), "--data-dir", "/no/where")
    assert result.code == 1
    assert "The data folder '/no/where' (--data-dir) is not a folder" in result.err


def test_stats_counts_operations(invoke: Invoke, data: Path) -> None:
    answer = _json(invoke("truth", "stats", "--data-dir", data, "--json").out)
    assert sum(row["n"] for row in answer["counts"] if row["what"] == "skip_connect") == 80
    assert answer["trials"] == {"1": 27, "2": 27, "3": 26}
    assert answer["quantiles"]["0.0"] == min(row["low"] for row in answer["counts"] if row["n"])
    printed = invoke("truth", "stats", "--data-dir", data).out
    assert "nor_conv_3x3" in printed
    assert "Spread between trials" in printed


def test_rows_come_back_from_csv_and_json_as_the_same_table(invoke: Invoke, data: Path) -> None:
    sha256 = find_truth("cifar10", data).sha256
    text = invoke("truth", "export", "--data-dir", data).out
    assert text.splitlines()[0] == ",".join(COLUMNS)
    from_csv = pd.DataFrame(list(csv.DictReader(io.StringIO(text))))
    from_csv["accuracy"] = from_csv["accuracy"].map(float)
    assert make_table(from_csv, "csv", {}).sha256 == sha256
    assert from_csv["seed"].value_counts().to_dict() == {"777": 160, "888": 106, "-1": 52}
    exported = _json(invoke("truth", "export", "--data-dir", data, "--json").out)
    assert (exported["schema"], exported["space"], exported["sha256"]) == (
        "truth/1",
        "nb201",
        sha256,
    )
    assert make_table(pd.DataFrame(exported["rows"]), "json", {}).sha256 == sha256


@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.parquet"])
def test_a_file_is_written_as_its_name_ends(
    invoke: Invoke, data: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    made = _json(invoke("truth", "export", "--data-dir", data, "--out", out, "--json").out)
    assert (made["format"], made["n_rows"]) == (out.suffix[1:], 318)
    if name == "t.parquet":
        assert load_table(out).sha256 == find_truth("cifar10", data).sha256
    else:
        wanted = ("--format", out.suffix[1:])
        assert out.read_text() == invoke("truth", "export", "--data-dir", data, *wanted).out


@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.parquet"])
def test_means_are_one_row_an_architecture(
    invoke: Invoke, data: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    result = invoke("truth", "export", "--data-dir", data, "--means", "--out", out)
    assert result.code == 0
    assert "80 rows" in result.out
    frame = {
        ".csv": pd.read_csv,
        ".parquet": pd.read_parquet,
        ".json": lambda path: pd.DataFrame(_json(path.read_text())["rows"]),
    }[out.suffix](out)
    table = find_truth("cifar10", data)
    truth = table.mean(_default())
    assert frame["nb201_index"].tolist() == truth.keys.tolist()
    assert frame["accuracy"].tolist() == truth.value.tolist()
    assert frame["n_trials"].tolist() == truth.n_trials.tolist()
    assert frame["arch_str"].tolist() == [str(arch_at(index)) for index in truth.keys]


def _default() -> Any:
    from harness.truth import default_query

    return default_query("cifar10")


def test_rows_can_be_restricted(invoke: Invoke, data: Path) -> None:
    text = invoke("truth", "export", "--data-dir", data, "--split", "valid").out
    records = list(csv.DictReader(io.StringIO(text)))
    assert len(records) == 159
    assert {record["split"] for record in records} == {"valid"}


@pytest.mark.parametrize("start", list("=+-@\t\r"))
def test_a_spreadsheet_runs_nothing_of_a_csv(invoke: Invoke, tmp_path: Path, start: str) -> None:
    name = f'{start}HYPERLINK("x",1)'
    save_table(make_table(_rows(name), "evil", {}), tmp_path / "evil.parquet")
    result = invoke("truth", "export", "--table", tmp_path / "evil.parquet")
    assert result.code == 0
    records = list(csv.DictReader(io.StringIO(result.out, newline="")))
    guarded = f"'{name}" if start.isprintable() else name.encode("unicode_escape").decode()
    assert {record["dataset"] for record in records} == {guarded}
    assert "begins like a formula" in result.err
    for record in records:
        for column, cell in record.items():
            assert cell[0] not in "=+@\t\r"
            assert cell[0] != "-" or (column == "seed" and math.isfinite(float(cell)))


def test_an_existing_file_is_replaced_only_by_force(
    invoke: Invoke, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "t.csv"
    out.write_text("precious")
    result = invoke("truth", "export", "--data-dir", data, "--out", out)
    assert (result.code, out.read_text()) == (2, "precious")
    assert f"'{out}' exists. Name another file, or add --force" in result.err
    assert invoke("truth", "export", "--data-dir", data, "--out", out, "--force").code == 0
    assert out.read_text().startswith("nb201_index,")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--format", "parquet"), 2, "Parquet cannot be written to standard output"),
        (("--format", "csv", "--json"), 2, "--json and --format csv were given"),
        (("--policy", "trial=0"), 2, "--policy trial=0 was given without --means"),
        (("--format", "xml"), 2, "'xml' is not one of"),
        (("--out", "/no/where/t.csv"), 1, "could not be written"),
        (("--out", "/no/" + "x" * 5000), 2, "--out cannot be a file: File name too long"),
        (("--dataset", "nothing"), 1, "has no rows for nothing. It has: cifar10 test"),
        (("--epochs", "12"), 1, "has no rows for 12. It has"),
    ],
)
def test_an_export_that_cannot_be_is_explained(
    invoke: Invoke, data: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    result = invoke("truth", "export", "--data-dir", data, *options)
    assert result.code == code
    assert message in result.err
    assert result.out == ""


def test_a_reader_that_has_seen_enough_is_no_error(data: Path) -> None:
    command = f"{sys.executable} -m harness truth export --data-dir {data} | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_needs_torch(data: Path, view: str) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from harness.cli.main import main\n"
        f"main({[*_arguments(view), '--data-dir', str(data), '--json']!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
