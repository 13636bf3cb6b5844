"""The manual is true: its examples run, and its tables say what the code says."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.check import QUANTITIES
from harness.report import in_python
from harness.report.measures import FIGURES
from harness.spaces import load_space
from harness.stats import METRICS, populations_of
from harness.stats.metrics import Method, Metric

POPULATIONS = populations_of(load_space())

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
STATISTICS = DOCS / "reference" / "statistics.md"


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_the_examples_of_the_manual_are_true(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testfile(
        str(path), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert outcome.failed == 0


def test_the_examples_of_comparing_are_true() -> None:
    outcome = doctest.testmod(in_python)
    assert (outcome.failed, outcome.attempted > 1) == (0, True)


def test_no_instruction_installs_another_project_s_package() -> None:
    places = [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "harness").rglob("*.py")]
    wrong = re.compile(r"pip install [^\n]*(?<![-\w/.])harness\b")
    assert [str(path) for path in places if wrong.search(path.read_text(encoding="utf-8"))] == []
    assert wrong.search("pip install 'harness[ray]'")
    assert not wrong.search("pip install 'nas-ranking-harness[ray]'")


def describe_interval(metric: Metric) -> str:
    if metric.is_extreme:
        return "none that covers, nor over seeds; spread over seeds only"
    if metric.method is Method.NONE:
        return "none that covers; over seeds only"
    if metric.method is Method.BOOTSTRAP:
        return "paired bootstrap"
    start = f", from n = {metric.interval_from:,}" if metric.interval_from > 30 else ""
    return f"influence function{start}"


def test_every_table_of_the_manual_is_that_of_the_code() -> None:
    lines = STATISTICS.read_text(encoding="utf-8").splitlines()
    found = {line for line in lines if line.startswith("| ") and "`" in line}
    expected = {
        f"| {m.title} | `{m.name}` | {m.definition} | {describe_interval(m)} |"
        for m in METRICS.values()
    }
    expected |= {f"| `{n}` | {p.description} | {p.size:,} |" for n, p in POPULATIONS.items()}
    expected |= {f"| {f.title} | `{name}` | {f.definition} |" for name, f in FIGURES.items()}
    expected |= {f"| `{name}` | {quantity.title} |" for name, quantity in QUANTITIES.items()}
    assert found == expected


PROXIES = ("jacov", "nwot", "synflow")


def printed_by_default(dataset: str, data_dir: Path | None) -> list[str]:
    """The report's lines, of the study's runs that have the settings of the present defaults."""
    from harness.estimators.loading import load_estimators
    from harness.execution.runner import resolve_config
    from harness.report import make_report
    from harness.report.rendering import REPORT_WRITERS
    from harness.runs.folder import under_stored_name
    from harness.settings.layers import make_config
    from harness.truth import find_truth

    truth = find_truth(dataset, data_dir)
    study = ROOT / "results" / "ogd-study" / dataset
    made_by_default = [
        under_stored_name(
            resolve_config(
                make_config({"dataset": dataset, "strategy": strategy, "seed": seed}), truth
            ),
            study,
        ).run_id
        for strategy in ("spos", "ogd")
        for seed in (0, 1, 2)
    ]
    # The quickstart has proxies too; on CIFAR-10 the supernets stand alone.
    board = ROOT / "results" / "leaderboard"
    proxies = [
        path for name in PROXIES for path in sorted(board.glob(f"{dataset}-{name}-s?-*-4096b5cd"))
    ]
    loaded = load_estimators([*(study / run_id for run_id in made_by_default), *proxies])
    return REPORT_WRITERS["markdown"](make_report(loaded, data_dir=data_dir)).splitlines()


def shown_in_tables(start: str, end: str) -> list[str]:
    page = (DOCS / "explanation" / "tables.md").read_text(encoding="utf-8")
    lines = page[page.index(start) : page.index(end)].splitlines()
    return [line for line in lines if line.startswith(("| ", "- ")) or line.endswith("**")]


def test_the_tables_of_tiles_are_what_the_report_prints() -> None:
    shown = shown_in_tables("## On the embedded data", "## On CIFAR-10")
    printed = printed_by_default("tiles", None)
    assert len(shown) > 20
    assert [line for line in shown if line not in printed] == []


def test_the_tutorial_s_figures_are_what_the_report_prints() -> None:
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    shown = set(
        re.findall(r"[-+]?\d\.\d{3}(?! or)", text[text.index("## 3.") : text.index("## 4.")])
    )
    printed = re.findall(r"[-+]?\d\.\d{3}", "\n".join(printed_by_default("tiles", None)))
    assert len(shown) == 9
    assert shown - set(printed) == set()


def shown_of_leaderboard(start: str, end: str) -> list[str]:
    text = (ROOT / "results" / "leaderboard" / "README.md").read_text(encoding="utf-8")
    lines = text[text.index(start) : text.index(end)].splitlines()
    return [line for line in lines if line.startswith("| ")]


def printed_report(paths: list[Path], names: str = "all", **options: Any) -> list[str]:
    from harness.estimators.loading import load_estimators
    from harness.estimators.naming import split_names
    from harness.report import make_report
    from harness.report.rendering import REPORT_WRITERS

    report = make_report(load_estimators(paths), estimators=split_names(names), **options)
    return REPORT_WRITERS["markdown"](report).splitlines()


def test_the_results_of_mf_kd_are_what_its_runs_say() -> None:
    folder = ROOT / "results" / "few-labels" / "mf-kd"
    text = (folder / "README.md").read_text(encoding="utf-8")
    shown = [line for line in text.splitlines() if line.startswith("| ")]
    printed = printed_report([folder], baseline="short_training(epochs=1)")
    assert len(shown) == 2 + 7 + 2 + 3
    assert [line for line in shown if line not in printed] == []


@pytest.mark.realdata
def test_the_leaderboard_of_macro_is_what_its_runs_say(data_dir: Path) -> None:
    folder = ROOT / "results" / "macro"
    text = (folder / "README.md").read_text(encoding="utf-8")
    part = text[text.index("## Beside it") : text.index("## Trials")]
    shown = [line for line in part.splitlines() if line.startswith("| ")]
    names = "all,depth,digit_sum,flops,params"
    printed = printed_report([folder / "runs"], names, data_dir=data_dir)
    assert len(shown) == 2 + 6
    assert [line for line in shown if line not in printed] == []


SIDE_BY_SIDE = "all,floor,floor+jacov,floor+jacov+spos,live_params+jacov"


def runs_side_by_side() -> list[Path]:
    """Return the runs of all benchmarks but NAS-Bench-101's SS2, whose cells take a minute."""
    from scripts.transfer_study import LARGE, RUNS

    results = ROOT / "results"
    return [
        *sorted((results / "leaderboard").glob("cifar10-*-841c8c6f")),
        *sorted((results / "ogd-study" / "cifar10").glob("cifar10-spos-s?-*")),
        *sorted((results / "ogd-study" / "cifar10").glob("cifar10-ogd-s?-*")),
        results / "benchmarks" / "nb201",
        results / "benchmarks" / "macro",
        results / "macro" / "runs",
        *sorted(RUNS.glob("*-841c8c6f")),
        *sorted(RUNS.glob(f"*-{LARGE}")),
    ]


def read_side_by_side(text: str) -> dict[tuple[str, str, str], str]:
    """Return the cells of tables that have a column for each benchmark, by figure and both."""
    found: dict[tuple[str, str, str], str] = {}
    for figure, table in re.findall(r"\*\*Side by side: (.*?)\*\*\n\n((?:\|.*\n)+)", text):
        head, _, *rows = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
        )
        for name, *cells in rows:
            found |= {(figure, name, b): c for b, c in zip(head[1:], cells, strict=True)}
    return found


@pytest.mark.realdata
def test_the_benchmarks_side_by_side_are_what_their_runs_say(data_dir: Path) -> None:
    from harness.evaluation import TruthChoice
    from scripts.transfer_study import TASKS

    results = ROOT / "results"
    macro = [results / "benchmarks" / "macro", results / "macro" / "runs"]
    text = (results / "benchmarks" / "README.md").read_text(encoding="utf-8")
    truths = list(map(TruthChoice, TASKS))
    lines = printed_report(runs_side_by_side(), SIDE_BY_SIDE, data_dir=data_dir, truths=truths)
    printed = read_side_by_side("\n".join(lines))
    shown = {cell: told for cell, told in read_side_by_side(text).items() if cell[2] != "nb101-ss2"}
    assert len(shown) == 4 * 19 * 9
    assert shown == {cell: printed[cell] for cell in shown}
    whole = printed_report([results / "benchmarks" / "macro-all"], data_dir=data_dir)
    whole_text = text[text.index("in `macro-all/`") : text.index("## The questions")]
    for name, tau in re.findall(r"`(\w+)` (0\.\d{3})", whole_text):
        assert any(x.startswith(f"| {name} | free") and f"| 3,969 | {tau} |" in x for x in whole)
    added = "\n".join(printed_report(macro, "spos,ogd", floor="depth+jacov", data_dir=data_dir))
    for told in ("-0.000 [-0.024, +0.023]", "+0.007 [-0.028, +0.042]"):
        assert f"| {told} |" in added
        assert told in text
    staged = "two-stage(first=depth+jacov+spos, second=jacov+synflow+zen, share=0.3)"
    lines = printed_report(macro, staged, baseline="depth+jacov+spos", data_dir=data_dir)
    assert any("minus depth+jacov+spos" in x and "-0.011 [-0.018, -0.004]" in x for x in lines)


def printed_of_tasks(ranking: str, names: str, data_dir: Path) -> list[str]:
    """Report on TransNAS-Bench-101's tasks, of the supernets as one ranking has them."""
    from harness.evaluation import TruthChoice
    from scripts.transfer_study import RUNS, TASKS

    paths = [*RUNS.glob("*-841c8c6f"), *RUNS.glob(f"*-{ranking}")]
    return printed_report(paths, names, data_dir=data_dir, truths=list(map(TruthChoice, TASKS)))


@pytest.mark.realdata
def test_the_transfer_over_tasks_is_what_its_runs_say(data_dir: Path) -> None:
    from scripts.transfer_study import SMALL, TASKS

    text = (ROOT / "results" / "benchmarks" / "transfer.md").read_text(encoding="utf-8")
    names = "all,floor+jacov,floor+jacov+spos,live_params+jacov"
    printed = read_side_by_side("\n".join(printed_of_tasks(SMALL, names, data_dir)))
    tables = re.findall(r"\| estimator \|.*\n\|[- :|]+\n((?:\|.*\n)+)", text)
    assert [table.count("\n") for table in tables] == [14, 6, 7, 7]
    figures = ("tau [95%]", "adds [95%]", "top half", "top 10%")
    for figure, table in zip(figures, tables, strict=True):
        for line in table.splitlines():
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            assert cells == [printed[figure, name, task] for task in TASKS]


@pytest.mark.realdata
def test_the_tests_over_tasks_are_what_their_script_prints(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from scripts import transfer_study

    transfer_study.main(data_dir)
    folder = ROOT / "results" / "benchmarks"
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("transfer.md", "readout.md")]
    printed = capsys.readouterr().out
    small, large = printed.split("spos, batches of 1,000, refitted")
    for text, part, n_figures in ((texts[0], small, 26), (texts[1], large, 38)):
        told = re.findall(r"-?\d\.\d{3}(?!\d)", part)
        assert len(told) == n_figures
        assert [figure for figure in told if figure not in text] == []


@pytest.mark.realdata
def test_what_a_supernet_adds_by_a_readout_of_more_images_is_what_its_runs_say(
    data_dir: Path,
) -> None:
    from scripts.transfer_study import LARGE

    text = (ROOT / "results" / "benchmarks" / "readout.md").read_text(encoding="utf-8")
    shown = read_side_by_side(text)
    printed = "\n".join(printed_of_tasks(LARGE, "spos,ogd,floor+jacov+spos", data_dir))
    cells = read_side_by_side(printed)
    assert len(shown) == 4 * 3 * 7
    assert shown == {cell: cells[cell] for cell in shown}


def printed_in_a_process_of_its_own(data_dir: Path, *command: str | Path) -> str:
    """Report in a process that sorts NAS-Bench-101's cells, which tests do not."""
    return subprocess.run(
        [sys.executable, "-m", "harness", "report", *command, "--data-dir", data_dir],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.slow
@pytest.mark.realdata
def test_the_results_of_ss2_are_what_its_runs_say(data_dir: Path) -> None:
    from scripts.transfer_study import SS2_RANKINGS, SS2_RUNS

    text = (SS2_RUNS.parent / "ss2.md").read_text(encoding="utf-8")
    parts = text.split("## With images enough")
    for part, ranking, n_shown in zip(parts, SS2_RANKINGS.values(), (17, 3), strict=True):
        shown = [line for line in part.splitlines() if line.startswith("| ")]
        paths = [*SS2_RUNS.glob("*-841c8c6f"), *SS2_RUNS.glob(f"*-{ranking}")]
        asked = ("--estimators", SIDE_BY_SIDE, "--format", "markdown")
        printed = printed_in_a_process_of_its_own(data_dir, *paths, *asked).splitlines()
        assert len(shown) == 2 + n_shown
        assert [line for line in shown if line not in printed] == []


@pytest.mark.slow
@pytest.mark.realdata
def test_ss2_beside_the_other_benchmarks_is_what_its_runs_say(data_dir: Path) -> None:
    from scripts.transfer_study import SS2_RANKINGS, SS2_RUNS, TASKS

    text = (SS2_RUNS.parent / "README.md").read_text(encoding="utf-8")
    paths = runs_side_by_side()
    for ending in ("841c8c6f", SS2_RANKINGS[1_000]):
        paths += sorted(SS2_RUNS.glob(f"*-{ending}"))
    asked = ["--estimators", SIDE_BY_SIDE, *(f"--truth-dataset={task}" for task in TASKS)]
    printed = printed_in_a_process_of_its_own(data_dir, *paths, *asked, "--format", "markdown")
    cells = read_side_by_side(printed)
    shown = read_side_by_side(text)
    assert len(shown) == 4 * 19 * 10
    assert shown == {cell: cells[cell] for cell in shown}
    (told,) = re.findall(r"Combined by rank with the floor, .*", printed)
    assert told in text


@pytest.mark.slow
@pytest.mark.realdata
def test_the_tests_on_ss2_are_what_their_script_prints(data_dir: Path) -> None:
    command = [sys.executable, "scripts/transfer_study.py", "ss2"]
    env = {**os.environ, "HARNESS_DATA": str(data_dir)}
    printed = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout
    text = (ROOT / "results" / "benchmarks" / "ss2.md").read_text(encoding="utf-8")
    told = re.findall(r"-?\d\.\d{3}(?!\d)", printed)
    assert len(told) == 33
    assert [figure for figure in told if figure not in text] == []


def test_the_leaderboard_of_tiles_is_what_its_runs_say() -> None:
    shown = shown_of_leaderboard("## `tiles`", "## Checked")
    board = sorted((ROOT / "results" / "leaderboard").glob("tiles-*"))
    names = [line.split(" | ")[0].removeprefix("| ").partition(" (n=")[0] for line in shown[2:]]
    printed = printed_report([ROOT / "results/ogd-study/tiles", *board], ",".join(names))
    assert len(shown) == 23
    assert [line for line in shown if line not in printed] == []


@pytest.mark.parametrize(
    ("study", "ranking", "floor", "n_shown", "start", "end"),
    [
        ("cifar10", "841c8c6f", None, 13, "## CIFAR-10, the first", "In the best tenth `spos`"),
        (
            "cifar10",
            "841c8c6f",
            "live_params+jacov",
            5,
            "The same with",
            "In the best tenth -0.148",
        ),
        ("full", "6f9fa060", None, 11, "## CIFAR-10, all", "One seed of each"),
    ],
)
def test_the_leaderboard_of_cifar10_is_what_its_runs_say(
    study: str, ranking: str, floor: str | None, n_shown: int, start: str, end: str, data_dir: Path
) -> None:
    shown = shown_of_leaderboard(start, end)
    results = ROOT / "results"
    paths = [
        *(
            p
            for s in ("spos", "ogd")
            for p in (results / "ogd-study" / study).glob(f"cifar10-{s}-s?-*")
        ),
        *(
            p
            for s in PROXIES
            for p in (results / "leaderboard").glob(f"cifar10-{s}-s?-*-{ranking}")
        ),
    ]
    names = "spos,ogd,live_params,params,flops,random,jacov,nwot,synflow,live_params+jacov"
    names = "spos,ogd" if floor else f"{names},live_params+jacov+spos"
    printed = printed_report(paths, names, floor=floor)
    assert len(shown) == n_shown
    assert [line for line in shown if line not in printed] == []


def test_the_leaderboard_of_the_other_proxies_is_what_its_runs_say(data_dir: Path) -> None:
    shown = shown_of_leaderboard("## CIFAR-10, the first 1,000, the other", "None ranks above")
    names = [line.split(" | ")[0].removeprefix("| ") for line in shown[2:]]
    board = ROOT / "results" / "leaderboard"
    paths = [path for name in names for path in board.glob(f"cifar10-{name}-s?-*-841c8c6f")]
    printed = printed_report([p for p in paths if "params" not in p.name], ",".join(names))
    assert len(shown) == 13
    assert [line for line in shown if line not in printed] == []


@pytest.mark.realdata
def test_the_manual_shows_what_a_report_of_second_objectives_prints(
    data_dir: Path, tmp_path: Path
) -> None:
    from harness.estimators.loading import load_estimators
    from harness.report import TruthChoice, make_report
    from harness.report.rendering import REPORT_WRITERS
    from harness.truth import save_table
    from harness.truth.importers.importing import import_truth

    (tmp_path / "nb201").mkdir()
    more = data_dir / "nb201_more"
    for name, source in {"robust": "robustness_targets.csv", "latency": "latency"}.items():
        save_table(import_truth(more / source), tmp_path / "nb201" / f"{name}.parquet")
    names = ("jacov", "nwot", "synflow")
    report = make_report(
        load_estimators([more / "zero_cost_cifar10.csv"], score_column=names),
        [TruthChoice(metric="robust:pgd@linf:eps=1", where=("latency:raspi4 < 20",))],
        data_dir=tmp_path,
        trade_off="latency:raspi4",
    )
    text = (DOCS / "how-to" / "second-objectives.md").read_text(encoding="utf-8")
    lines = text[text.index("Three published proxies") :].splitlines()
    shown = [line for line in lines if line.startswith(("| ", "**"))]
    printed = REPORT_WRITERS["markdown"](report).splitlines()
    assert len(shown) == 16
    assert [line for line in shown if line not in printed] == []


def test_the_tables_of_cifar10_are_what_the_report_prints(data_dir: Path) -> None:
    shown = shown_in_tables("## On CIFAR-10", "**It beats counting parameters**")
    printed = printed_by_default("cifar10", data_dir)
    assert len(shown) > 20
    assert [line for line in shown if line not in printed] == []


def read_decimals(text: str) -> set[str]:
    return {found.lstrip("+-") for found in re.findall(r"[-+]?\d\.\d{3}", text)}


def test_the_findings_of_the_readme_are_in_tables_that_tests_hold_to_the_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = readme[readme.index("## What was found") : readme.index("## More")].splitlines()
    of_ogd = [row for row in rows if "10 paired seeds" in row]
    others = [row for row in rows if row.startswith("| ") and row not in of_ogd]
    few = (ROOT / "results" / "few-labels" / "README.md").read_text(encoding="utf-8")
    macro = (ROOT / "results" / "macro" / "README.md").read_text(encoding="utf-8")
    held = [
        *shown_of_leaderboard("## CIFAR-10, the first", "## CIFAR-10, all"),
        *shown_in_tables("## On CIFAR-10", "**It beats counting parameters**"),
        *macro[macro.index("## Beside it") : macro.index("## Trials")].splitlines(),
        *(
            line
            for name in ("README.md", "transfer.md", "readout.md", "ss2.md")
            for line in (ROOT / "results" / "benchmarks" / name).read_text("utf-8").splitlines()
        ),
        *(line for line in few.splitlines() if line.startswith("| ")),
    ]
    figures = read_decimals("\n".join(others))
    assert len(figures) > 15
    assert figures - read_decimals("\n".join(held)) == set()
    (row,) = of_ogd
    study = ROOT / "results" / "ogd-study" / "tiles"
    runs = [path for name in ("spos", "ogd") for path in study.glob(f"tiles-{name}-s?-*")]
    printed = "\n".join(printed_report(runs))
    (shown,) = re.findall(r"-\d\.\d{3} \[.*?\]", row)
    assert f"tau {shown}, ogd minus spos [steps=3000] (95% over seeds and arch" in printed
    assert "over 10 seeds)" in printed
