"""Rows that an installed package adds to the registries by its entry points."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import registry
from harness.errors import UsageError
from harness.registry import find_class, load_class, with_plugins
from tests.cli.commandline import TINY, vary

CODE = """
from harness.estimators.base import Estimator, Needs, Scores, name_rows, score_cells
from harness.estimators.runs import SCORE_KIND
from harness.spaces import load_space
from harness.spaces.nb201.space import NB201
from harness.strategies.spos import SinglePathOneShot


class Uniform(SinglePathOneShot):
    "Uniform sampling by another name."


class Place(Estimator):
    "The place in the list, which says nothing."

    name = "place"
    needs = Needs(images=False)
    reads = frozenset()

    def prepare(self):
        pass

    def score(self, keys):
        space = load_space(self.task.config.space)
        cells = (score_cells(float(key)) for key in keys)
        return Scores({"scores": name_rows(keys, space, cells)}, {}, {SCORE_KIND: "its place"})

    def cost(self):
        return {}


class Mine(NB201):
    name = "mine"
"""
PLACES = {
    "harness.strategies": "uniform = plugin_code:Uniform",
    "harness.estimators": "place = plugin_code:Place",
    "harness.spaces": "mine = plugin_code:Mine",
}
STRATEGY = "harness.strategies.base:Strategy"

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package, `plugin-nas` unless named, into a folder on the path."""
    monkeypatch.setattr(registry, "_PLUGINS", {})
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(places: dict[str, str], package: str = "plugin-nas", code: str = CODE) -> None:
        info = tmp_path / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        rows = "".join(f"[{group}]\n{row}\n" for group, row in places.items())
        (info / "entry_points.txt").write_text(rows)
        (tmp_path / "plugin_code.py").write_text(code)
        importlib.invalidate_caches()

    return make


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a fresh process, which looks for packages anew."""
    words = [sys.executable, "-m", "harness", *map(str, arguments)]
    path = f"{folder}:{Path(__file__).parents[2]}"
    environment = {"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_package_s_strategy_and_estimator_run_by_their_names(
    install: Install, tmp_path: Path
) -> None:
    install(PLACES)
    asked = ("--estimators", "uniform,place", "--out", "runs", "--json")
    done = run(tmp_path, *vary([*TINY, *asked]))
    assert done.returncode == 0, done.stderr
    records = [json.loads(path.read_text()) for path in (tmp_path / "runs").rglob("record.json")]
    settings = [record["config"] for record in records]
    assert [s["strategy"] for s in settings if s["estimator"] == "supernet"] == ["uniform"]
    assert {s["estimator"] for s in settings} == {"supernet", "place"}


def test_a_package_s_space_is_shown_by_its_name(install: Install, tmp_path: Path) -> None:
    install(PLACES)
    done = run(tmp_path, "space", "show", "--space", "mine", "6111")
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout


def test_a_broken_package_stops_no_command_that_does_not_name_it(
    install: Install, tmp_path: Path
) -> None:
    broken = "broken = no_such_module:Broken"
    install({"harness.strategies": broken, "harness.estimators": broken})
    asked = ("--strategies", "ogd", "--set", "ogd.alpha=0.5", "--out", "runs", "--json")
    done = run(tmp_path, *vary([*TINY, *asked]))
    assert done.returncode == 0, done.stderr


def test_an_error_lists_the_names_of_packages_too(install: Install, tmp_path: Path) -> None:
    install(PLACES)
    done = run(tmp_path, "run", "--strategies", "unifrom")
    assert (done.returncode, "Did you mean 'uniform'?" in done.stderr) == (2, True)


def test_asking_which_rows_there_are_imports_no_package(install: Install) -> None:
    install({"harness.strategies": "uniform = no_such_module:Uniform"})
    found = with_plugins("strategy", {"spos": "harness.strategies.spos:SinglePathOneShot"})
    assert list(found) == ["spos", "uniform"]
    assert find_class("strategy", "uniform", found) == "no_such_module:Uniform"


def test_without_a_package_a_registry_is_the_harness_s_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "_PLUGINS", {})
    assert with_plugins("strategy", {"a": "b:C"}) == {"a": "b:C"}
    assert registry._PLUGINS == {}


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        (
            "uniform = no_such_module:Uniform",
            CODE,
            r"Strategy 'uniform' of the installed package plugin-nas: 'no_such_module' cannot be "
            r"imported \(No module named 'no_such_module'\)\. Repair the package, or remove it: "
            "pip uninstall plugin-nas",
        ),
        (
            "uniform = plugin_code:Uniform",
            "import torhc",
            r"'plugin_code' cannot be imported \(No module named 'torhc'\)",
        ),
        ("uniform = plugin_code:Absent", CODE, "no 'Absent' in 'plugin_code'"),
        ("uniform = plugin_code:Place", CODE, "'Place' in 'plugin_code' is not a subclass of"),
        ("uniform = plugin_code", CODE, "there is no '' in 'plugin_code'"),
        ("uniform = plugin-code:Uniform", CODE, "'plugin-code:Uniform' is not of the form package"),
        (
            "uni+form = plugin_code:Uniform",
            CODE,
            r"Strategy 'uni\+form' of the installed package plugin-nas: a name has letters",
        ),
        (
            "spos = plugin_code:Uniform",
            CODE,
            "Strategy 'spos' is a name of the harness and of the installed package plugin-nas too.",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_package(
    row: str, code: str, message: str, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "plugin_code", raising=False)
    install({"harness.strategies": row}, code=code)
    found = with_plugins("strategy", {"spos": "harness.strategies.spos:SinglePathOneShot"})
    with pytest.raises(UsageError, match=message):
        load_class("strategy", row.partition(" = ")[0], found, STRATEGY)
    monkeypatch.delitem(sys.modules, "plugin_code", raising=False)


def test_a_name_of_two_packages_is_refused_with_both(install: Install) -> None:
    install({"harness.strategies": "uniform = plugin_code:Uniform"}, "one-nas")
    install({"harness.strategies": "uniform = plugin_code:Other"}, "two-nas")
    found = with_plugins("strategy", {})
    with pytest.raises(UsageError, match=r"(one|two)-nas and of the installed package (one|two)-"):
        find_class("strategy", "uniform", found)


@pytest.mark.parametrize(
    ("group", "name", "kinds"),
    [
        ("harness.strategies", "jacov", "strategy and estimator"),
        ("harness.estimators", "ogd", "strategy and estimator"),
        ("harness.estimators", "live_params", "estimator and free score"),
    ],
)
def test_a_name_that_something_else_has_is_refused(
    group: str, name: str, kinds: str, install: Install, tmp_path: Path
) -> None:
    install({group: f"{name} = plugin_code:Place"})
    done = run(tmp_path, *vary([*TINY, "--estimators", name, "--out", "runs"]))
    assert done.returncode == 2
    assert f"'{name}' is {kinds}, and an installed package added one." in done.stderr
