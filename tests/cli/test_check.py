"""`harness check`: keep a baseline, hold scores to it, and tell people and CI systems."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.check import EXIT_INCONCLUSIVE, load_baseline
from harness.spaces.nb201.encoding import arch_at
from harness.truth import default_query, find_truth
from tests.check_cases import draw_scores
from tests.cli.commandline import Invoke
from tests.made_runs import N, make_run

TILES = find_truth("tiles")
TRUTH = TILES.mean(default_query("tiles"))
INDEX = TRUTH.keys[:200]
SIGNAL = np.argsort(np.argsort(TRUTH.value[:200])) / 60.0
SCORES = draw_scores(SIGNAL)
NOISY = draw_scores(SIGNAL, own=1)
SAVE = ("check", "--dataset", "tiles", "--save-baseline")


def write(path: Path, scores: np.ndarray = SCORES, **columns: Any) -> Path:
    """Write scores [seed, n] as a file of method spos."""
    frames = [
        pd.DataFrame({"nb201_index": INDEX, "seed": seed, "score": row, "method": "spos"})
        for seed, row in enumerate(scores)
    ]
    pd.concat(frames).assign(**columns).to_csv(path, index=False)
    return path


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture(name="baseline")
def _baseline(invoke: Invoke, tmp_path: Path) -> Path:
    result = invoke(*SAVE, tmp_path / "b.json", write(tmp_path / "main.csv"))
    assert (result.code, result.err) == (0, "")
    return tmp_path / "b.json"


def test_a_baseline_is_kept_and_told(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke(*SAVE, tmp_path / "b.json", write(tmp_path / "main.csv"))
    assert "spos" in result.out
    assert "Truth: tiles test, 12 epochs, mean (table " in result.out
    (method,) = load_baseline(tmp_path / "b.json").methods
    assert f"{np.mean(method.tau):.4f}" in result.out
    result = invoke(*SAVE, tmp_path / "b.json", tmp_path / "main.csv", "--json")
    content = json.loads(result.out)
    assert content["methods"][0]["tau"] == list(method.tau)
    assert content["methods"][0]["n"] == 200


def test_a_baseline_of_few_seeds_is_kept_with_a_warning(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke(*SAVE, tmp_path / "b.json", write(tmp_path / "main.csv", SCORES[:2]))
    assert result.code == 0
    assert "Warning: fewer than 5 seeds of spos." in result.err


def test_the_same_scores_pass_without_being_told_the_truth_again(
    invoke: Invoke, tmp_path: Path, baseline: Path
) -> None:
    result = invoke("check", "--baseline", baseline, tmp_path / "main.csv", "--strict")
    assert (result.code, result.err) == (0, "")
    assert "PASS: the check found nothing worse than the margin allows." in result.out
    assert "0.000 [0.000, 0.000]" in result.out
    assert "seeds 0, 1, 2, 3, 4 (paired)" in result.out.replace("\n", " ")


def test_a_regression_exits_with_1(invoke: Invoke, tmp_path: Path, baseline: Path) -> None:
    worse = write(tmp_path / "worse.csv", draw_scores(SIGNAL, noise=3.0, own=1))
    result = invoke("check", "--baseline", baseline, worse)
    assert (result.code, result.err) == (1, "")
    assert "REGRESSION: 'spos' (tau:0.02) got worse by more than the margin." in result.out


def test_an_open_check_exits_with_0_and_with_3_under_strict(
    invoke: Invoke, tmp_path: Path, baseline: Path
) -> None:
    noisy = write(tmp_path / "noisy.csv", NOISY)
    options = ("check", "--baseline", baseline, noisy, "--rule", "tau:0")
    result = invoke(*options)
    assert result.code == 0
    assert "INCONCLUSIVE" in result.out
    assert "This check would detect a D of" in " ".join(result.out.split())
    assert invoke(*options, "--strict").code == EXIT_INCONCLUSIVE == 3


def test_json_is_all_of_standard_output(invoke: Invoke, tmp_path: Path, baseline: Path) -> None:
    rules = ("--rule", "tau:0", "--rule", "tau_top_half:0.5")
    result = invoke("check", "--baseline", baseline, tmp_path / "main.csv", "--json", *rules)
    content = json.loads(result.out)
    assert (content["outcome"], content["exit_code"]) == ("pass", 0)
    assert [f["rule"] for f in content["findings"]] == ["tau:0", "tau_top_half:0.5"]
    assert content["words"][0].startswith("PASS: all 2 checks")


def test_junit_is_written_whatever_the_outcome(
    invoke: Invoke, tmp_path: Path, baseline: Path
) -> None:
    for scores, code, tags in ((SCORES, 0, []), (-SCORES, 1, ["failure"])):
        path = write(tmp_path / "new.csv", scores)
        result = invoke("check", "--baseline", baseline, path, "--junit", tmp_path / "j.xml")
        assert result.code == code
        (case,) = ET.parse(tmp_path / "j.xml").getroot().iter("testcase")
        assert [child.tag for child in case] == [*tags, "system-out"]
        assert (case.get("classname"), case.get("name")) == ("spos", "tau:0.02")


def test_github_is_told_when_it_runs_the_check(
    invoke: Invoke, tmp_path: Path, baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    worse = write(tmp_path / "worse.csv", -SCORES)
    result = invoke("check", "--baseline", baseline, worse, "--json")
    assert result.err.startswith(
        "::error title=harness check%3A regression::Regression: spos, tau:0.02. "
    )
    json.loads(result.out)
    noisy = write(tmp_path / "noisy.csv", NOISY)
    result = invoke("check", "--baseline", baseline, noisy, "--rule", "tau:0")
    assert result.err.startswith("::warning title=harness check%3A inconclusive::")
    result = invoke("check", "--baseline", tmp_path / "none.json", noisy)
    assert result.err.splitlines()[0].startswith("::error title=harness check::The baseline ")
    assert result.err.splitlines()[1].startswith("Error: The baseline ")
    assert "::" not in invoke("check", "--baseline", baseline, tmp_path / "main.csv").err


def save_runs(root: Path, scores: np.ndarray, **settings: Any) -> Path:
    for seed, row in enumerate(scores):
        folder = make_run(root, row[:N], "spos", seed, truth=TILES, **settings)
        record = folder.read_record()
        recent = {"positive_pd": 0.001 * (1 + seed) * (1.0 if settings.get("lr") is None else 1.5)}
        summary = {"train_loss": 2.0, "disturbance": {"progress": 0.01, "recent": recent}}
        folder.write_record(record.model_copy(update={"summary": summary}))
    return root


def test_runs_are_held_to_runs_with_their_disturbance(invoke: Invoke, tmp_path: Path) -> None:
    old = save_runs(tmp_path / "old", SCORES)
    assert invoke("check", "--save-baseline", tmp_path / "b.json", old).code == 0
    (method,) = load_baseline(tmp_path / "b.json").methods
    assert (method.label, method.bn_mode, method.dataset) == ("spos", "batch", "tiles")
    assert len(method.runs) == 5
    rules = ("--rule", "tau:0.02", "--rule", "positive_pd:10%")
    result = invoke("check", "--baseline", tmp_path / "b.json", old, *rules)
    assert result.code == 0
    new = save_runs(tmp_path / "new", SCORES, lr=0.05)
    result = invoke("check", "--baseline", tmp_path / "b.json", new, *rules)
    assert result.code == 1
    text = " ".join(result.out.split())
    assert "REGRESSION: 'spos' (positive_pd:10%)" in text
    assert "50.0% [50.0%, 50.0%]" in text
    assert "The settings of the runs differ from those of the baseline" in text


def test_runs_in_another_bn_mode_are_refused(invoke: Invoke, tmp_path: Path) -> None:
    old = save_runs(tmp_path / "old", SCORES)
    invoke("check", "--save-baseline", tmp_path / "b.json", old)
    new = save_runs(tmp_path / "new", SCORES, bn_mode="recalibrated")
    result = invoke("check", "--baseline", tmp_path / "b.json", new)
    assert (result.code, result.out) == (4, "")
    assert "batch norm mode 'batch' in the baseline and 'recalibrated'" in result.err


def test_an_unfinished_run_is_named(invoke: Invoke, tmp_path: Path) -> None:
    old = save_runs(tmp_path / "old", SCORES)
    make_run(old, SCORES[0, :N], "spos", 9, "interrupted", truth=TILES)
    result = invoke("check", "--save-baseline", tmp_path / "b.json", old)
    assert "Left out, not finished: tiles-spos-s9-" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "Give either --save-baseline FILE (to save these scores) or --baseline FILE"),
        (("--baseline", "B", "--save-baseline", "B"), 2, ", not both"),
        (("--baseline", "B", "--rule", "tau:5%"), 2, "Rule 'tau:5%' is not allowed"),
        (("--baseline", "B", "--rule", "tau:1", "--rule", "tau:0"), 2, "about the same figure"),
        (("--baseline", "B", "--min-seeds", "0"), 2, "--min-seeds"),
        (("--save-baseline", "C", "--rule", "tau:0"), 2, "--rule was given with --save-baseline"),
        (("--save-baseline", "C", "--strict", "--junit", "j"), 2, "--strict, --junit was given"),
        (("--save-baseline", "C"), 2, "--dataset"),
        (("--save-baseline", "main.csv", "--dataset", "tiles"), 2, "exists and is not a baseline"),
        (("--save-baseline", "C", "--dataset", "tiles", "--score-column", "x"), 1, "column"),
        (("--baseline", "none.json"), 4, "The baseline none.json cannot be read"),
        (("--baseline", "main.csv"), 4, "is damaged: it is not JSON"),
        (("--baseline", "B", "--split", "valid"), 4, "truth"),
        (("--baseline", "B", "--policy", "trial=0"), 4, "The baseline was judged by tiles test"),
        (("--baseline", "B", "--rule", "positive_pd:10%"), 2, "needs positive_pd of every seed"),
        (
            ("--baseline", "B", "--lower-is-better"),
            4,
            "score 'column 'score'' in the baseline and 'minus column 'score''",
        ),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    invoke: Invoke,
    tmp_path: Path,
    baseline: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    named = [str(baseline) if argument == "B" else argument for argument in arguments]
    result = invoke("check", *named, "main.csv")
    assert (result.code, result.out) == (code, "")
    assert message in result.err


def test_other_architectures_need_common(invoke: Invoke, tmp_path: Path, baseline: Path) -> None:
    frame = pd.read_csv(tmp_path / "main.csv")
    frame[frame["nb201_index"] > INDEX[40]].to_csv(tmp_path / "few.csv", index=False)
    options = ("check", "--baseline", baseline, tmp_path / "few.csv")
    result = invoke(*options)
    assert (result.code, result.out) == (4, "")
    assert "on 200 architectures in the baseline and on 159" in result.err
    result = invoke(*options, "--common")
    assert result.code == 0
    assert "On the 159 common architectures of 200 and 159." in " ".join(result.out.split())


def test_a_file_of_another_name_without_methods_is_told(invoke: Invoke, tmp_path: Path) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    for path in (old, new):
        pd.read_csv(write(path)).drop(columns="method").to_csv(path, index=False)
    invoke(*SAVE, tmp_path / "b.json", old)
    result = invoke("check", "--baseline", tmp_path / "b.json", new)
    assert result.code == 4
    assert "the baseline has 'old', what is checked has 'new'" in result.err
    named = invoke("check", "--baseline", tmp_path / "b.json", new, "--label", "old")
    assert (named.code, "PASS" in named.out) == (0, True)


def test_a_label_names_one_method_only(invoke: Invoke, tmp_path: Path) -> None:
    both = [write(tmp_path / f"{name}.csv", method=name) for name in "ab"]
    result = invoke(*SAVE, tmp_path / "b.json", *both, "--label", "mine")
    assert (result.code, result.out) == (2, "")
    assert "--label 'mine' was given for 2 methods ('a', 'b'); it names one." in result.err


def test_a_junit_file_takes_the_place_of_no_scores(
    invoke: Invoke, tmp_path: Path, baseline: Path
) -> None:
    scores = tmp_path / "main.csv"
    before = scores.read_bytes()
    result = invoke("check", "--baseline", baseline, scores, "--junit", scores)
    assert result.code == 2
    assert "main.csv exists and is not a JUnit file, so it is not replaced" in result.err
    assert scores.read_bytes() == before


def test_a_junit_file_that_cannot_be_written_hides_no_regression(
    invoke: Invoke, tmp_path: Path, baseline: Path
) -> None:
    for scores, code, outcome in ((SCORES, 4, "PASS"), (-SCORES, 1, "REGRESSION")):
        path = write(tmp_path / "new.csv", scores)
        (tmp_path / "file").touch()
        result = invoke("check", "--baseline", baseline, path, "--junit", tmp_path / "file/j.xml")
        assert result.code == code
        assert outcome in result.out
        assert "j.xml" in result.err


def test_names_in_a_file_do_not_steer_the_terminal(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    path = write(tmp_path / "evil.csv", method="[red]\x1b[31m\n::error::evil")
    invoke(*SAVE, tmp_path / "b.json", path)
    new = write(tmp_path / "new.csv", -SCORES, method="[red]\x1b[31m\n::error::evil")
    result = invoke("check", "--baseline", tmp_path / "b.json", new)
    assert result.code == 1
    assert "\x1b" not in result.out + result.err
    lines = (result.out + result.err).splitlines()
    assert sum(line.lstrip().startswith("::") for line in lines) == 1


def test_it_needs_no_torch(tmp_path: Path, baseline: Path) -> None:
    code = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise AssertionError("imported " + name)

sys.meta_path.insert(0, Blocker())
from harness.cli.main import main
main(["check", "--baseline", {str(baseline)!r}, {str(tmp_path / "main.csv")!r}])
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "PASS" in done.stdout


def test_notes_of_reading_are_in_json_and_kept_in_the_baseline(
    invoke: Invoke, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"{name}.csv" for name in ("old", "new")}
    for path in files.values():
        frame = pd.read_csv(write(path)).drop(columns="nb201_index")
        archs = list(map(str, map(arch_at, INDEX.tolist()))) * len(SCORES)
        frame.assign(net=archs, index=range(len(frame))).to_csv(path, index=False)
    said = {
        name: f"{path}: column 'index' numbers the rows, and is not used; column 'net' names the "
        "architectures."
        for name, path in files.items()
    }
    saved = invoke(*SAVE, tmp_path / "b.json", files["old"], "--json")
    assert [method["notes"] for method in json.loads(saved.out)["methods"]] == [[said["old"]]]
    assert load_baseline(tmp_path / "b.json").notes == (said["old"],)
    call = ("check", "--baseline", tmp_path / "b.json", files["new"])
    content = json.loads(invoke(*call, "--json").out)
    assert (content["notes"], content["baseline"]["notes"]) == ([said["new"]], [said["old"]])
    result = invoke(*call)
    assert said["new"] in result.err
    assert f"Baseline: {said['old'][:60]}" in result.out
