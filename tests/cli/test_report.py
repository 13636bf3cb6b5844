"""`harness report` on runs and score files, by command."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.runs.folder import RunFolder
from harness.truth import default_query, find_truth
from tests.cli.commandline import Invoke
from tests.made_runs import INDICES, N, make_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with two strategies of two seeds."""
    truth = find_truth("tiles")
    mean = truth.mean(default_query("tiles"))
    known = pd.Series(mean.value, mean.keys).loc[INDICES].to_numpy()
    for strategy, noise in (("spos", 5.0), ("ogd", 9.0)):
        for seed in (0, 1):
            rng = np.random.RandomState(10 * seed + len(strategy))
            make_run(
                tmp_path / "runs", known + noise * rng.normal(size=N), strategy, seed, truth=truth
            )
    return tmp_path / "runs"


@pytest.fixture
def proxy(tmp_path: Path) -> Path:
    """A file of losses: lower is better."""
    path = tmp_path / "proxy.csv"
    loss = np.random.RandomState(5).normal(size=40)
    pd.DataFrame({"nb201_index": INDICES[:40], "loss": loss}).to_csv(path, index=False)
    return path


def test_runs_and_a_file_are_compared_in_every_format(
    invoke: Invoke, runs: Path, proxy: Path
) -> None:
    options = ("--score-column", "loss", "--lower-is-better")
    made = json.loads(invoke("report", runs, proxy, *options, "--json").out)
    (section,) = made["sections"]
    assert section["n"] == 40
    assert [result["label"] for result in section["evaluations"]] == ["spos", "ogd", "proxy"]
    assert [(pair["first"], pair["second"]) for pair in section["pairs"]] == [
        ("ogd", "spos"),
        ("proxy", "spos"),
    ]
    assert section["evaluations"][2]["score_kind"] == "minus column 'loss'"
    for name in ("table", "markdown", "latex", "csv"):
        result = invoke("report", runs, proxy, *options, "--full", "--format", name)
        assert (result.code, result.err) == (0, "")
        for text in ("proxy minus spos", "over 2 seeds of spos, against one set of scores"):
            assert text in result.out


def test_first_comes_the_answer_then_the_leaderboard_then_where_the_rest_is(
    invoke: Invoke, runs: Path
) -> None:
    made = json.loads(invoke("report", runs, "--json").out)
    result = invoke("report", runs)
    assert (result.code, result.err) == (0, "")
    answer, _, rest = result.out.partition("\n\n")
    assert answer.replace("\n", " ") == " ".join(made["answer"])
    title, headings, _, *rows = rest.splitlines()
    assert title == f"Leaderboard ({N} architectures, tiles test, 12 epochs, mean of trials)"
    assert headings.split()[:2] == ["estimator", "seeds"]
    assert " tau [95%] " in headings
    ranked = [row["estimator"] for row in made["sections"][0]["leaderboard"]]
    assert [row.split()[0] for row in rows[: len(ranked)]] == ranked
    assert "Paired differences" not in rest
    sections = "leaderboard|populations|differences|uncertainty|disturbance|caveats"
    assert f"\n  --section {sections}\n  --full" in rest
    assert max(map(len, result.out.splitlines())) <= 100


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_it_fits_the_width_and_says_which_columns_it_left_out(
    invoke: Invoke, runs: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = invoke("report", runs).out.partition("\nMore")[0]
    assert max(map(len, shown.splitlines())) <= width
    heading = shown.partition("Leaderboard (")[2].partition("───")[0]
    left = shown.partition(f"Left out for a width of {width}: ")[2].partition(". ")[0].split("; ")
    for name in ("regret @10", "family", "seeds", "top 10%"):
        assert (name in heading) == (name not in " ".join(left).replace("\n", " ")), name
    assert ("regret @10" in heading) == (width == 200)
    assert "estimator" in heading


def test_a_long_name_is_folded_not_cut(
    invoke: Invoke, proxy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    name = "an_estimator_of_" * 4
    options = ("--score-column", "loss", "--lower-is-better", "--truth-dataset", "tiles")
    shown = invoke("report", proxy, *options, "--label", name).out.partition("\n\n")[2]
    table = shown.partition("\n\n")[0].splitlines()
    assert max(map(len, table)) <= 60
    assert name in "".join(line.split("  ")[0].strip() for line in table)


def test_sections_narrow_every_format(invoke: Invoke, runs: Path) -> None:
    shown = invoke("report", runs, "--section", "populations,differences").out
    assert "Tau by population" in shown
    assert "Paired differences" in shown
    assert "ogd minus spos" in shown
    for text in ("Leaderboard", "Disturbance and cost", "Truth: "):
        assert text not in shown
    for name in ("markdown", "latex"):
        part = invoke("report", runs, "--section", "uncertainty", "--format", name).out
        assert "Uncertainty of tau by cause" in part
        assert "Tau by population" not in part
    rows = csv.DictReader(
        io.StringIO(invoke("report", runs, "--section", "disturbance", "--format", "csv").out)
    )
    assert {row["kind"] for row in rows} == {"training", "training difference"}
    made = json.loads(invoke("report", runs, "--section", "leaderboard", "--json").out)
    (section,) = made["sections"]
    assert {*section} == {"truth", "n", "leaderboard", "grids", "sample_efficiency"}
    whole = json.loads(invoke("report", runs, "--json").out)
    assert section["leaderboard"] == whole["sections"][0]["leaderboard"]
    assert {*section} < {*whole["sections"][0]}


def test_all_sections_together_are_the_full_report(invoke: Invoke, runs: Path) -> None:
    full = invoke("report", runs, "--full").out
    names = "caveats,leaderboard,populations,differences,uncertainty,disturbance"
    assert invoke("report", runs, "--section", names).out == full
    markdown = invoke("report", runs, "--format", "markdown").out
    assert invoke("report", runs, "--full", "--format", "markdown").out == markdown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--section", "population"),
            "Unknown section 'population'. Did you mean 'populations'? Available: caveats, ",
        ),
        (("--section", ","), "names no section. Give names such as leaderboard"),
        (
            ("--section", "trade-off"),
            "This report has nothing under --section trade-off (picks by score and the objective "
            "of --trade-off). It has: leaderboard, ",
        ),
        (("--section", "caveats", "--full"), "some parts, or all. Give one of them."),
        (("--full", "--html", "x.html"), "--full was given with --html: a file has all parts."),
        (("--section", "caveats", "--plots", "x"), "--section was given with --plots: a file "),
    ],
)
def test_sections_that_cannot_be_printed_are_refused(
    invoke: Invoke, runs: Path, options: tuple[str, ...], said: str
) -> None:
    result = invoke("report", runs, *options)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_a_column_called_as_a_baseline_is_renamed_and_the_baseline_compared_with(
    invoke: Invoke, tmp_path: Path
) -> None:
    """`--compare-with params` took the file's column of that name."""
    path, rng = tmp_path / "mine.csv", np.random.RandomState(3)
    columns = {name: rng.normal(size=40) for name in ("params", "other")}
    pd.DataFrame({"nb201_index": INDICES[:40], **columns}).to_csv(path, index=False)
    options = ("--score-column", "*", "--dataset", "tiles", "--compare-with")
    made = json.loads(invoke("report", path, *options, "params", "--json").out)
    (section,) = made["sections"]
    assert [(pair["first"], pair["second"]) for pair in section["pairs"]] == [
        ("params (mine.csv)", "params"),
        ("other", "params"),
    ]
    own = section["evaluations"][0]["populations"]["all"]
    assert own["baselines"]["params"]["value"] != own["metrics"]["tau"]["value"]
    difference = section["pairs"][0]["differences"]["all"]["tau"]["value"]
    expected = own["metrics"]["tau"]["value"] - own["baselines"]["params"]["value"]
    assert difference == pytest.approx(expected, abs=1e-12)
    assert any("are called 'params (mine.csv)'" in line for line in made["words"])
    for command in (("report", path, *options, "params"), ("evaluate", path, *options[:-1])):
        rows = csv.DictReader(io.StringIO(invoke(*command, "--format", "csv").out))
        noted = [row for row in rows if row["figure"].startswith("note: 'params' is the name of a")]
        assert [row["value"] for row in noted] == [""]
    made = json.loads(invoke("report", path, *options, "params (mine.csv)", "--json").out)
    assert [pair["second"] for pair in made["sections"][0]["pairs"]] == ["params (mine.csv)"]


def test_files_of_either_direction_are_compared(
    invoke: Invoke, runs: Path, proxy: Path, tmp_path: Path
) -> None:
    frame = pd.read_csv(proxy)
    frame.assign(loss=-frame["loss"]).to_csv(tmp_path / "gain.csv", index=False)
    files = (proxy, tmp_path / "gain.csv", "--score-column", "loss")
    made = json.loads(invoke("report", runs, *files, "--lower-in", proxy, "--json").out)
    taus = {
        result["label"]: result["populations"]["all"]["metrics"]["tau"]["value"]
        for result in made["sections"][0]["evaluations"]
    }
    assert taus["proxy"] == taus["gain"]
    wrong = invoke("report", runs, *files, "--lower-in", tmp_path / "other.csv")
    assert (wrong.code, wrong.out) == (2, "")
    assert "other.csv was given with --lower-in, but it is not" in wrong.err


def test_the_one_to_compare_with_can_be_named(invoke: Invoke, runs: Path) -> None:
    made = json.loads(invoke("report", runs, "--compare-with", "ogd", "--json").out)
    assert [pair["first"] for pair in made["sections"][0]["pairs"]] == ["spos"]
    wrong = invoke("report", runs, "--compare-with", "spo")
    assert (wrong.code, wrong.out) == (2, "")
    assert "Unknown estimator to compare with 'spo'. Did you mean 'spos'?" in wrong.err


def test_files_alone_need_the_truths_data_set(invoke: Invoke, proxy: Path) -> None:
    options = ("--score-column", "loss", "--lower-is-better")
    wrong = invoke("report", proxy, *options)
    assert (wrong.code, wrong.out) == (2, "")
    assert "The truth's data set was not given" in wrong.err
    right = invoke("report", proxy, *options, "--truth-dataset", "tiles", "--format", "csv")
    records = list(csv.DictReader(io.StringIO(right.out)))
    assert {record["kind"] for record in records} == {"estimator", "added value"}


def test_bad_rows_are_refused_or_counted(invoke: Invoke, runs: Path, proxy: Path) -> None:
    with proxy.open("a") as file:
        file.write("17,nan\n")
    options = ("--score-column", "loss", "--lower-is-better")
    refused = invoke("report", runs, proxy, *options)
    assert (refused.code, refused.out) == (1, "")
    assert "proxy.csv" in refused.err
    counted = invoke("report", runs, proxy, *options, "--exclude-bad", "--json")
    (result,) = json.loads(counted.out)["sections"][0]["evaluations"][2:]
    assert sum(result["excluded"].values()) == 1


def test_options_of_files_without_a_file_are_refused(invoke: Invoke, runs: Path) -> None:
    wrong = invoke("report", runs, "--lower-is-better")
    assert (wrong.code, wrong.out) == (2, "")
    assert "only run folders were named" in wrong.err


def test_a_truth_table_can_be_named(invoke: Invoke, runs: Path, tmp_path: Path) -> None:
    from harness.truth import make_table, save_table

    rows = find_truth("tiles").rows
    save_table(
        make_table(rows.assign(accuracy=rows["accuracy"] / 2), "x", {}), tmp_path / "t.parquet"
    )
    result = invoke("report", runs, "--truth", tmp_path / "t.parquet")
    assert result.code == 0
    assert "spos was ranked against another truth table" in result.text


def test_a_page_takes_the_place_of_no_scores(invoke: Invoke, runs: Path, proxy: Path) -> None:
    before = proxy.read_bytes()
    options = ("--score-column", "loss", "--lower-is-better")
    result = invoke("report", runs, proxy, *options, "--html", proxy)
    assert (result.code, result.out) == (2, "")
    assert "proxy.csv exists and is not a page, so it is not replaced" in result.err
    assert proxy.read_bytes() == before


def test_equal_runs_of_two_machines_are_compared_by_labels(
    invoke: Invoke, runs: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(runs, other)
    for path in other.glob("*/record.json"):
        record = json.loads(path.read_text()) | {"started": "2025-02-02T00:00:00+00:00"}
        path.write_text(json.dumps(record | {"environment": {"cpu": "Intel"}}))
    for path in runs.glob("*/record.json"):
        record = json.loads(path.read_text()) | {"environment": {"cpu": "AMD"}}
        path.write_text(json.dumps(record))
    refused = invoke("report", runs, other)
    assert (refused.code, "compares them with --label." in refused.err) == (1, True)
    made = invoke("report", runs, other, "--label", "amd", "--label", "intel", "--json")
    (section,) = json.loads(made.out)["sections"]
    assert [(pair["first"], pair["second"]) for pair in section["pairs"]] == [
        ("ogd (amd)", "spos (amd)"),
        ("spos (intel)", "spos (amd)"),
        ("ogd (intel)", "spos (intel)"),
    ]
    caveats = [pair["caveats"] for pair in section["pairs"]]
    assert caveats == [[], ["they were made with different CPU (Intel / AMD)"], []]
    assert section["pairs"][1]["claim"] == "over 2 seeds"
    for labels in (("--label", "amd"), ("--label", "amd", "--label", "amd")):
        refused = invoke("report", runs, other, *labels)
        assert (refused.code, "Give --label once for each path" in refused.err) == (2, True)


def test_a_score_file_takes_a_label_too(invoke: Invoke, proxy: Path) -> None:
    options = ("--dataset", "tiles", "--score-column", "loss", "--label", "mine", "--json")
    (result,) = json.loads(invoke("evaluate", proxy, *options).out)["evaluations"]
    assert result["label"] == "mine"


def test_unfinished_runs_are_named(invoke: Invoke, runs: Path) -> None:
    truth = find_truth("tiles")
    make_run(runs, np.arange(N, dtype=float), "spos", 7, status="interrupted", truth=truth)
    assert "Left out, not finished: tiles-spos-s7-" in invoke("report", runs).text


def test_estimators_are_chosen_and_combined_by_name(invoke: Invoke, runs: Path) -> None:
    names = "ogd,live_params+spos,params"
    options = ("--estimators", names, "--compare-with", "live_params+ogd", "--floor", "ogd")
    made = json.loads(invoke("report", runs, *options, "--json").out)
    (section,) = made["sections"]
    combined = f"live_params+spos (n={N})"
    assert [each["label"] for each in section["evaluations"]] == ["ogd", combined, "params"]
    assert {pair["second"] for pair in section["pairs"]} == {f"live_params+ogd (n={N})"}
    (floor,) = [row for row in section["leaderboard"] if row["is_floor"]]
    assert floor["estimator"] == "ogd"
    wrong = invoke("report", runs, "--floor", "live_parms")
    assert (wrong.code, wrong.out) == (2, "")
    assert "Unknown floor 'live_parms'. Did you mean 'live_params'?" in wrong.err


def test_what_could_have_been_run_is_told_with_the_command_that_runs_it(
    invoke: Invoke, runs: Path, proxy: Path, tmp_path: Path
) -> None:
    (n,) = {folder.read_record().config["n_archs"] for folder in map(RunFolder, runs.iterdir())}
    command = f"harness run --estimators jacov --seeds 0,1 --n-archs {n} --out {runs}"
    scores = ("--score-column", "loss", "--dataset", "tiles")
    said = "Error: 'jacov' was not run: none of the scores given are of it. To score the same "
    for name in ("jacov", "live_params+jacov"):
        for start in (
            ("report",),
            ("evaluate",),
            ("check", "--save-baseline", tmp_path / "b.json"),
        ):
            result = invoke(*start, runs, proxy, *scores, "--estimators", name)
            assert (result.code, result.out) == (2, "")
            assert said in result.err
            assert f" {command} - " in result.err
    result = invoke("report", proxy, *scores, "--floor", "predictor(n=8)")
    assert f"harness run --estimators 'predictor(n=8)' --archs {proxy} - " in result.err
    spos = sorted(runs.glob("tiles-spos-*"))
    result = invoke("report", *spos, "--estimators", "ogd")
    assert f"harness run --estimators ogd --config {spos[0]}/config.toml --seeds 0,1" in result.err
    result = invoke("report", proxy, *scores, "--floor", "jacof")
    assert "Unknown floor 'jacof'" in result.err


def test_the_same_names_serve_evaluate_and_check(
    invoke: Invoke, runs: Path, tmp_path: Path
) -> None:
    names = ("--estimators", "live_params+spos")
    found = json.loads(invoke("evaluate", runs, *names, "--json").out)
    assert [each["label"] for each in found["evaluations"]] == [f"live_params+spos (n={N})"]
    baseline = tmp_path / "baseline.json"
    saved = invoke("check", runs, *names, "--save-baseline", baseline)
    assert saved.code == 0, saved.err
    passed = invoke("check", runs, *names, "--baseline", baseline)
    assert passed.code == 0, passed.err
    assert "live_params+spos" in passed.out
    other = invoke("check", runs, "--estimators", "ogd", "--baseline", baseline)
    assert other.code == 4
    assert "No method is on both sides" in other.err
