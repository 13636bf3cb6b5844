"""Nothing is hard-wired to NAS-Bench-201: other spaces go through the whole command line.

`Macro` and `SS2` are ours, grids whose strings may name one network; `Toy` is a grid of 729
architectures without a published index; `Endless` cannot be enumerated.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import harness
from harness.spaces import Space, load_space
from harness.spaces.lookup import name_archs
from harness.spaces.macro.space import Macro
from harness.spaces.nb1shot1.space import SS2
from harness.training.loop import Trainer
from harness.truth import load_table, make_table, save_table
from tests.e2e.processes import check_same_bits, kill_at, run_here
from tests.spaces.endless import Endless
from tests.spaces.toy import Toy

_SIZE = (
    *("--preset", "smoke", "--n-archs", "40", "--rank-images", "32"),
    *("--set", "steps=16", "--set", "checkpoint_every=8", "--probe-every", "4"),
    *("--rank-every", "8", "--set", "rank_every_archs=30", "--set", "loss_every=8"),
    *("--set", "train_loss_archs=2", "--set", "train_loss_images=16", "--set", "threads=1"),
    *("--set", "batch_size=8", "--set", "channels=2"),
)
SETTINGS = (*_SIZE, "--jobs", "1")
"""A run of a fraction of a second."""

STRATEGIES = {
    "macro": ("spos", "ogd", "fairnas", "sandwich", "novelty", "nsas", "wpl"),
    "nb101-ss2": ("spos", "ogd", "sandwich", "novelty", "nsas", "wpl"),
    "toy": ("spos", "ogd", "fairnas", "sandwich", "novelty", "nsas", "wpl"),
    "endless": ("spos", "ogd", "wpl"),
}
KINDS = [Macro, pytest.param(SS2, marks=pytest.mark.slow), Toy, Endless]
N = 120
FOREIGN = re.compile(r"nb201|(?<![\d.])15,?625(?!\d)|NAS-Bench-201", re.IGNORECASE)
"""What no output about another space may say."""


class Place(NamedTuple):
    """A space, and where its truth and its runs are."""

    space: Space
    option: tuple[str, str]
    folder: Path

    @property
    def data(self) -> tuple[str, Path]:
        """The option that names the data folder."""
        return "--data-dir", self.folder / "data"

    @property
    def runs(self) -> Path:
        """The folder of run folders."""
        return self.folder / "runs"


@pytest.fixture(name="place", scope="module", params=KINDS)
def _place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A space with a truth of made-up accuracies and one run of each strategy that trains it."""
    kind = request.param
    space = load_space(f"{kind.__module__}:{kind.__name__}")
    folder = tmp_path_factory.mktemp(space.name)
    place = Place(space, ("--space", f"{kind.__module__}:{kind.__name__}"), folder)
    (folder / "data" / space.name).mkdir(parents=True)
    save_table(_make_truth(space), folder / "data" / space.name / "tiles.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.delenv("HARNESS_DATA", raising=False)
        said = _invoke(
            *("run", *place.option, "--dataset", "tiles", *SETTINGS, *place.data),
            *("--strategies", ",".join(STRATEGIES[space.name]), "--seeds", "0"),
            *("--out", place.runs),
        )
        whole = _invoke("report", place.runs, *place.data, "--full")
        assert f"Truth of space '{space.name}'" in whole
        assert not FOREIGN.search(said + whole)
        yield place


def _make_truth(space: Space) -> Any:
    keys = space.prefix(N)
    rng = np.random.RandomState(0)
    params = np.array([space.baselines["params"].score(space.at(key)) for key in keys])
    mean = 30 + 40 * (params - params.min()) / np.ptp(params)
    frames = [
        pd.DataFrame(name_archs(keys, space)).assign(
            dataset="tiles",
            split="test",
            epochs=12,
            trial=trial,
            seed=trial,
            accuracy=mean + rng.normal(0, 3, N),
        )
        for trial in (0, 1)
    ]
    return make_table(pd.concat(frames), "mine", {}, space=space)


def _invoke(*arguments: object) -> str:
    """Run a command that is to succeed, and return what it printed."""
    code, out, err = run_here(*arguments)
    assert code == 0, err
    return out


def _write_strings(place: Place) -> Path:
    """Write a score file that names architectures by their strings alone."""
    space, path = place.space, place.folder / "strings.csv"
    keys = space.prefix(N)
    scores = np.random.RandomState(1).normal(size=N)
    archs = [space.format(space.at(key)) for key in keys]
    pd.DataFrame({"arch": archs, "score": scores}).to_csv(path, index=False)
    return path


def test_runs_are_listed_shown_and_compared(place: Place) -> None:
    strategies = STRATEGIES[place.space.name]
    listed = json.loads(_invoke("runs", "list", place.runs, "--json"))["runs"]
    assert {run["status"] for run in listed} == {"finished"}
    names = sorted(path.name for path in place.runs.iterdir())
    assert len(listed) == len(names) == len(strategies)
    shown = _invoke("runs", "show", place.runs / names[0])
    assert f"{place.space.name} " in shown.lower() or place.option[1] in shown
    assert not FOREIGN.search(shown)
    assert "strategy" in _invoke("runs", "compare", place.runs / names[0], place.runs / names[1])


def test_a_stopped_run_resumes_to_the_same_bits(place: Place, tmp_path: Path) -> None:
    command = ("run", *place.option, *SETTINGS, *place.data, "--strategies", "ogd", "--seeds", "0")
    code = _stop_after_half(command, tmp_path)
    assert code == 130
    (stopped,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert json.loads((stopped / "record.json").read_text())["status"] == "interrupted"
    _invoke(*command, "--out", tmp_path)
    check_same_bits(stopped, place.runs / stopped.name)


@pytest.mark.parametrize(
    "points", [[50], pytest.param(range(1, 90, 4), marks=pytest.mark.slow)], ids=["one", "all"]
)
def test_killed_at_a_change_of_its_files_a_run_ends_with_the_same_bits(
    place: Place, tmp_path: Path, points: Sequence[int]
) -> None:
    command = ("run", *place.option, *_SIZE, *place.data, "--strategies", "ogd", "--seeds", "0")
    found = kill_at(points, command, tmp_path)
    assert [first for first, _ in found.values()] == [-signal.SIGKILL] * len(points)
    for point, (_, second) in found.items():
        assert second == 0, point
        (resumed,) = (path for path in (tmp_path / point).iterdir() if path.is_dir())
        check_same_bits(resumed, place.runs / resumed.name)


def _stop_after_half(command: tuple[object, ...], out: Path) -> int:
    """Run a command whose training is interrupted half-way."""
    step = Trainer.train_step

    def interrupting(trainer: Trainer, *given: Any, **options: Any) -> Any:
        if trainer.step == 12:
            os.kill(os.getpid(), signal.SIGINT)
        return step(trainer, *given, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "train_step", interrupting)
        return run_here(*command, "--out", out)[0]


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json", "latex"])
def test_a_report_has_the_populations_of_the_space(place: Place, form: str) -> None:
    said = _invoke("report", place.runs, *place.data, "--format", form, "--full")
    assert not FOREIGN.search(said)
    for trait in place.space.traits:
        assert trait in said.replace(r"\_", "_")


def test_a_space_without_end_has_no_size_to_correct_for(place: Place) -> None:
    found = harness.evaluate(place.runs / _first(place), data_dir=place.folder / "data")
    assert found.populations["all"].population.size == place.space.n_judged


def test_the_page_names_nothing_of_another_space(place: Place, tmp_path: Path) -> None:
    _invoke("report", place.runs, *place.data, "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert not FOREIGN.search(page)


@pytest.mark.slow
def test_figures_are_drawn(place: Place, tmp_path: Path) -> None:
    _invoke("report", place.runs, *place.data, "--plots", tmp_path / "plots")
    assert len(list((tmp_path / "plots").glob("*.svg"))) > 5


def test_a_file_of_strings_is_evaluated(place: Place) -> None:
    path = _write_strings(place)
    command = ("evaluate", path, "--dataset", "tiles", *place.data)
    said = _invoke(*command, *place.option)
    assert f"Leaderboard ({N} architectures, " in said
    assert "\nstrings " in said
    assert not FOREIGN.search(said)
    code, _, err = run_here(*command)
    assert code == 1
    assert "file of another space needs --space" in err


def test_a_baseline_is_kept_and_checked_against(place: Place, tmp_path: Path) -> None:
    kept = tmp_path / "baseline.json"
    _invoke("check", place.runs, *place.data, "--save-baseline", kept)
    assert json.loads(kept.read_text())["space"] == place.space.name
    assert "PASS" in _invoke("check", place.runs, *place.data, "--baseline", kept)
    strings = ("check", _write_strings(place), *place.data, *place.option)
    _invoke(*strings, "--dataset", "tiles", "--save-baseline", tmp_path / "strings.json")
    assert "PASS" in _invoke(*strings, "--baseline", tmp_path / "strings.json")


def test_a_baseline_of_one_space_is_not_that_of_another(place: Place, tmp_path: Path) -> None:
    kept = tmp_path / "baseline.json"
    _invoke("check", place.runs, *place.data, "--save-baseline", kept)
    edited = kept.read_text().replace(f'"space": "{place.space.name}"', '"space": "other"')
    content = json.loads(edited)
    body = {k: v for k, v in content.items() if k not in ("format", "schema_version", "sha256")}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    kept.write_text(json.dumps(content | {"sha256": hashlib.sha256(text.encode()).hexdigest()}))
    code, _, err = run_here("check", place.runs, *place.data, "--baseline", kept)
    assert code == 4
    assert f"space 'other', and what is checked is of '{place.space.name}'" in err


def test_its_truth_is_shown_exported_and_imported(place: Place, tmp_path: Path) -> None:
    options = (*place.data, *place.option)
    text = place.space.format(place.space.at(place.space.prefix(2)[1]))
    for view in (("list",), ("show", "--", text), ("stats",), ("ceiling",)):
        said = _invoke("truth", view[0], *options, *view[1:])
        assert not FOREIGN.search(said)
    exported, table = tmp_path / "rows.csv", tmp_path / "table.parquet"
    _invoke("truth", "export", *options, "--out", exported)
    _invoke("truth", "import", exported, *place.option, "--out", table)
    original = place.folder / "data" / place.space.name / "tiles.parquet"
    assert load_table(table, place.space).sha256 == load_table(original, place.space).sha256


@pytest.mark.slow
def test_a_study_may_be_of_it(place: Place, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        f"""name = "mine"
[base]
space = "{place.option[1]}"
preset = "smoke"
steps = 4
n_archs = 3
rank_every = 0
probe_every = 0
loss_every = 4
train_loss_archs = 1
train_loss_images = 8
batch_size = 4
channels = 2
[grid]
seed = [0]
"""
    )
    _invoke("sweep", study, "--out", tmp_path / "runs", *place.data, "--jobs", "1")
    listed = json.loads(_invoke("runs", "list", tmp_path / "runs", "--json"))["runs"]
    assert [run["status"] for run in listed] == ["finished"]


def test_in_python_a_space_is_given_by_its_class_or_itself(place: Place) -> None:
    path, folder = _write_strings(place), place.folder / "data"
    frame = pd.read_csv(path, dtype={"arch": str})
    by_string = dict(zip(frame["arch"], frame["score"], strict=True))
    taus = [
        harness.evaluate(scores, "tiles", data_dir=folder, space=space).tau
        for scores in (path, frame, by_string, lambda arch: by_string[str(arch)])
        for space in (place.space, place.option[1])
    ]
    assert len(set(taus)) == 1
    report = harness.compare(
        {
            "file": path,
            "function": lambda arch: place.space.key(arch) % 97,
            "runs": place.runs / _first(place),
        },
        "tiles",
        data_dir=folder,
        space=place.space,
    )
    assert [e.label for e in report.sections[0].evaluations] == ["runs", "file", "function"]
    assert not FOREIGN.search(str(report))


def _first(place: Place) -> str:
    return min(path.name for path in place.runs.iterdir())


@pytest.mark.slow
def test_truth_is_built_in_it(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "built.parquet"
    command = ("truth", "build", *place.option, "--n-archs", "2", "--seeds", "0", "--workers", "1")
    _invoke(*command, "--out", out)
    table = load_table(out, place.space)
    assert (table.space.name, table.n_archs) == (place.space.name, 2)
