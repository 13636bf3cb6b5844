"""The README is true: its files are written, its commands run, and they print what it shows.

The runs that its first command makes are copied from the studies: finished runs are not computed
again, so that the command prints what it would at its end.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from harness.cli.main import COMMANDS
from tests.cli.commandline import TINY, invoke, vary
from tests.cli.test_manual_pages import run_python

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STUDY = (
    *("spos-s0-91778619", "spos-s1-93bab6a1", "spos-s2-85bd92dd"),
    *("ogd-s0-4d4f2b90", "ogd-s1-7b938908", "ogd-s2-a274cdd8"),
)
LESS = vary(TINY)[1:]
_BLOCK = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'python title="([\w.]+)"')


def read_steps(text: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a block, each with the lines that it is said to print."""
    steps: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    return steps


def fits(shown: list[str], printed: list[str]) -> bool:
    """Return whether lines are those printed, where "..." stands for any number of them."""
    if "..." not in shown:
        return shown == printed
    place = shown.index("...")
    if shown[:place] != printed[:place]:
        return False
    rest = shown[place + 1 :]
    return not rest or any(fits(rest, printed[at:]) for at in range(place, len(printed) + 1))


def test_lines_fit_what_was_printed_only_if_they_were() -> None:
    printed = ["a", "b", "c", "d"]
    for shown in (printed, ["a", "..."], ["...", "d"], ["a", "...", "c", "d"], ["..."]):
        assert fits(shown, printed)
    for shown in (["a"], ["b", "..."], ["...", "c"], ["a", "...", "b", "d"], ["a", "x", "..."]):
        assert not fits(shown, printed)


def test_it_is_short_and_links_to_what_is_there() -> None:
    assert len(README.splitlines()) < 150
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_first_command_is_that_of_make_run() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (names,) = re.findall(r"^ESTIMATORS \?= (.*)$", makefile, re.MULTILINE)
    blocks = [read_steps(m["text"]) for m in _BLOCK.finditer(README) if m["kind"] == "console"]
    assert blocks[0][0][0] == f"harness run --space nb201 --estimators {names}"
    for target in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        assert f"\n{target}: " in makefile


def test_every_block_does_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in STUDY:
        place = tmp_path / "results/runs" / f"tiles-{name}"
        shutil.copytree(ROOT / "results/ogd-study/tiles" / place.name, place)
    for proxy in ("jacov", "nwot", "synflow"):
        for run in (ROOT / "results/leaderboard").glob(f"tiles-{proxy}-s?-*-4096b5cd"):
            shutil.copytree(run, tmp_path / "results/runs" / run.name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    n_run = 0
    for block in _BLOCK.finditer(README):
        if title := _TITLE.fullmatch(block["kind"]):
            (tmp_path / title[1]).write_text(block["text"], encoding="utf-8")
            continue
        assert block["kind"] == "console"
        for command, shown in read_steps(block["text"]):
            n_run += 1
            program, *words = shlex.split(command)
            if program == "python":
                run_python(words, tmp_path)
                continue
            assert program == "harness"
            if "--preset" in words:  # trains: less is enough, and nothing of it is shown
                words = [words[0], *LESS, *words[1:], "--n-archs", "3"]
                assert shown == ["..."]
            result = invoke(capsys, *words)
            assert result.code == 0, f"{command}\n{result.err}"
            printed = result.out.splitlines()
            assert fits(shown, printed), f"{command}\n{result.out}"
    assert n_run == 8
    (command,) = re.findall(r"`harness (.*--html report.html)`", README, re.MULTILINE)
    assert invoke(capsys, *shlex.split(command)).code == 0
    assert (tmp_path / "report.html").is_file()


def test_every_command_that_it_names_is_one() -> None:
    named = re.findall(r"harness (run|report|check|rank|evaluate|sweep|truth|data)\b", README)
    assert {*named} <= {*COMMANDS}
