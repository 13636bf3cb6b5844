"""Every command explains itself, at once and without torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness.cli.main import COMMANDS, cli
from harness.errors import UsageError
from harness.settings.layers import make_config
from harness.settings.presets import IMAGE_DATASETS


def _walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _walk(child, (*path, name))


def _find(path: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    return command


PATHS = list(_walk(cli, ()))
HEAVY = ("torch", "numpy", "pandas", "scipy", "sklearn", "pyarrow")

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy!r}:
            raise AssertionError("imported " + name)

sys.meta_path.insert(0, Blocker())
from harness.cli.main import main
{action}
"""


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_and_option_has_help(path: tuple[str, ...]) -> None:
    command = _find(path)
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts} has no help"
            assert parameter.help.rstrip()[-1] in ".])", parameter.help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_in_the_list_is_that_of_a_real_command(name: str) -> None:
    assert (name,) in PATHS
    assert COMMANDS[name][1].endswith(".")


@pytest.mark.parametrize(
    "path", [p for p in PATHS if not isinstance(_find(p), click.Group)], ids=" ".join
)
def test_every_command_can_answer_a_program(path: tuple[str, ...]) -> None:
    flags = {flag for parameter in _find(path).params for flag in parameter.opts}
    assert "--json" in flags


ONCE = [
    (*path, option.opts[0])
    for path in PATHS
    for option in _find(path).params
    if isinstance(option, click.Option) and not (option.multiple or option.is_flag)
]


@pytest.mark.parametrize("words", ONCE, ids=" ".join)
def test_every_option_of_one_value_is_refused_twice(words: tuple[str, ...]) -> None:
    *path, option = words
    with pytest.raises(UsageError, match=f"^{option} was given 2 times"):
        cli.main([*path, option, "1", option, "1"], standalone_mode=False)


@pytest.mark.parametrize("key", ["rank_images", "rank_every", "probe_every", "precision"])
def test_the_help_of_run_says_what_preset_quick_sets_on_every_data_set(key: str) -> None:
    (option,) = (each for each in _find(("run",)).params if each.name == key)
    assert isinstance(option, click.Option)
    of = {name: getattr(make_config({"dataset": name}), key) for name in IMAGE_DATASETS}
    (other,) = {value for name, value in of.items() if name != "tiles"}
    assert str(option.help).endswith(f"  [quick: {of['tiles']} on tiles, else {other}]")


def test_help_of_everything_imports_nothing_heavy() -> None:
    action = f"""
for path in {PATHS!r}:
    for flag in ("--help", "-h"):
        try:
            main([*path, flag])
        except SystemExit as end:
            assert end.code == 0, (path, end.code)
"""
    done = _python(BLOCKER.format(heavy=HEAVY, action=action))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage:") == 2 * len(PATHS)


def test_a_mistake_in_the_options_is_told_without_torch() -> None:
    done = _python(BLOCKER.format(heavy=HEAVY, action="main(['run', '--strategies', 'ogdd'])"))
    assert done.returncode == 2, done.stderr
    assert "Did you mean 'ogd'?" in done.stderr


def test_a_report_of_nothing_needs_no_torch(tmp_path: Path) -> None:
    action = f"main(['report', {str(tmp_path)!r}])"
    done = _python(BLOCKER.format(heavy=("torch",), action=action))
    assert done.returncode == 1, done.stderr
    assert "No runs in" in done.stderr


def _python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
