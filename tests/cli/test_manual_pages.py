"""The pages of the manual that one follows: their files are written, their commands are run.

A file is a fenced block with a title; a command is a line of an indented block that begins with
`harness` or `python`. All but the slow test give `harness run` less to do.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.spaces import load_space
from harness.truth import find_truth
from tests.cli.commandline import TINY, Result, invoke, vary

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
QUIET = ("--probe-every", "0", "--set", "checkpoint_every=1000", "--n-archs", "40")
LESS = vary([*TINY, *QUIET])[1:]
NOT_HERE = ("python -m venv", "harness truth build")
"""What takes an hour, or another environment."""

_FILE = re.compile(
    r'^```\w+ title="(?P<name>[\w.]+)"\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)
_COMMAND = re.compile(r"^    ((?:harness|python) .*)$", re.MULTILINE)
_EXIT = re.compile(r"exits with (\d)")


def find_commands(page: str) -> list[tuple[list[str], int]]:
    """Return the words of each command of a page, and the exit code that it says."""
    found = []
    for line in _COMMAND.findall(_FILE.sub("", page)):
        words = shlex.split(line, comments=True)
        code = _EXIT.search(line)
        if not line.startswith(NOT_HERE):
            found.append((words, 0 if code is None else int(code[1])))
    return found


def expand(words: list[str]) -> list[str]:
    """Expand patterns, as a shell does."""
    found = [[str(p) for p in sorted(Path().glob(w))] if "*" in w else [w] for w in words]
    return [word for words in found for word in words]


def run_python(words: list[str], folder: Path) -> None:
    """Run `python ...` in a process of its own."""
    path = f"{folder}:{ROOT}"
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def follow(
    page: str, folder: Path, capsys: pytest.CaptureFixture[str], is_shortened: bool = True
) -> dict[str, Result]:
    """Write a page's files and run its commands; return what each printed."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for name, content in _FILE.findall(text):
        (folder / name).write_text(content, encoding="utf-8")
    printed = {}
    for words, code in find_commands(text):
        if words[0] == "python":
            run_python(words[1:], folder)
            continue
        command, *arguments = expand(words[1:])
        if command == "run" and is_shortened:
            arguments = [*LESS, *arguments]
        result = invoke(capsys, command, *arguments)
        allowed = {0, code} if is_shortened else {code}
        assert result.code in allowed, f"{shlex.join(words)}\n{result.out}{result.err}"
        printed[shlex.join(words)] = result
    for name in (name for name, _ in _FILE.findall(text) if name.startswith("test_")):
        run_python(["-m", "pytest", "-q", "-p", "no:cacheprovider", name], folder)
    return printed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, on the path, without a data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    return tmp_path


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_the_tutorial_with_less_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = follow("tutorial.md", folder, capsys)
    assert len(printed) == 6
    assert "too few" in printed["harness evaluate scores.csv --dataset tiles"].out


@pytest.mark.slow
def test_the_tutorial_as_it_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = follow("tutorial.md", folder, capsys, is_shortened=False)
    assert "live_params" in printed["harness report before"].out


@pytest.mark.parametrize("page", ["own-strategy.md", "own-estimator.md"])
def test_a_class_of_one_s_own(page: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = follow(f"how-to/{page}", folder, capsys)
    first = next(iter(printed.values()))
    assert "mine" in first.out


def test_a_space_of_one_s_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archs = [f"{a}-{b}-{c}" for a in (8, 16, 32, 64) for b in (8, 16, 32, 64) for c in (8, 16)]
    common = {"dataset": "mine", "split": "test", "epochs": 50}
    truth = [{"arch": a, **common, "accuracy": 60 + 0.3 * i} for i, a in enumerate(archs)]
    write_rows(folder / "accuracies.csv", truth)
    write_rows(folder / "scores.csv", [{"arch": a, "score": i} for i, a in enumerate(archs)])
    printed = follow("how-to/own-space.md", folder, capsys)
    assert "1.000" in next(reversed(printed.values())).out


def test_a_truth_of_one_s_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(folder / "scores.csv", [{"arch": i, "score": i} for i in range(2)])
    printed = follow("how-to/own-truth.md", folder, capsys)
    assert len(printed) == 3


def test_a_gate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for run in sorted((ROOT / "results/ogd-study/tiles").glob("tiles-spos-s[012]-*")):
        for place in ("results/runs", "new/runs"):
            shutil.copytree(run, folder / place / run.name)
    printed = follow("how-to/gate.md", folder, capsys)
    assert len(printed) == 2


def test_the_notebook_prints_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    notebook = json.loads((DOCS / "how-to/notebook.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        exec("".join(cell["source"]), names)
        shown = "".join(text for output in cell["outputs"] for text in output["text"])
        assert capsys.readouterr().out == shown
    assert len(cells) == 3


def test_the_tutorial_s_architectures_are_in_the_truth_of_tiles() -> None:
    truth, space = find_truth("tiles"), load_space()
    text = dict(_FILE.findall((DOCS / "tutorial.md").read_text("utf-8")))["scores.csv"]
    keys = [int(line.partition(",")[0]) for line in text.splitlines()[1:]]
    assert set(keys) <= set(space.prefix(600))
    assert truth.name == "nb201-tiles"
