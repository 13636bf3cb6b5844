"""The counts by which the house is judged: scripts/count_code.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[2] / "scripts" / "count_code.py"

FILES = {
    "__init__.py": '"""Only a docstring."""\n',
    "alone.py": '''\
"""A docstring
of two lines."""

# a comment
X = """not a
docstring"""
"""An attribute's docstring."""


def f(a, b):  # 3 code lines
    """Say nothing."""

    def g():  # 2 code lines
        return a

    return g


def h(): return 1  # 1 code line
''',
    "left.py": "from pack.room import right\n",
    "room/__init__.py": "from .right import f\n",
    "room/right.py": "def f():\n    import pack.left\n",
    "up.py": "from pack import down\n",
    "down.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pack.up import X\n",
}


def count(folder: Path, *options: str) -> str:
    command = [sys.executable, str(SCRIPT), str(folder), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def count_files(tmp_path: Path, files: dict[str, str]) -> dict[str, Any]:
    for name, text in files.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found: dict[str, Any] = json.loads(count(tmp_path / "pack", "--json"))
    return found


def test_blank_lines_comments_and_docstrings_are_not_code(tmp_path: Path) -> None:
    found = count_files(tmp_path, {key: FILES[key] for key in ("__init__.py", "alone.py")})
    assert found["code_lines"] == 7
    assert found["functions"] == 3
    assert found["median_function_lines"] == 2


def test_files_modules_and_loose_modules_are_told_apart(tmp_path: Path) -> None:
    found = count_files(tmp_path, FILES)
    assert (found["files"], found["modules"]) == (7, 5)
    assert found["loose_modules"] == ["alone", "down", "left", "up"]


def test_a_circle_is_found_through_functions_and_relative_imports(tmp_path: Path) -> None:
    found = count_files(tmp_path, FILES)
    assert found["circles"] == [["pack.left", "pack.room.right"]]


def test_a_circle_that_only_types_close_is_counted_apart(tmp_path: Path) -> None:
    found = count_files(tmp_path, FILES)
    assert found["circles_only_with_types"] == [["pack.down", "pack.up"]]


def test_a_circle_through_a_package_counts(tmp_path: Path) -> None:
    files = FILES | {"room/right.py": "from pack import left\nfrom . import g\n"}
    found = count_files(tmp_path, files)
    assert found["circles"] == [["pack.left", "pack.room", "pack.room.right"]]


def test_people_read_a_line_a_count(tmp_path: Path) -> None:
    count_files(tmp_path, FILES)
    text = count(tmp_path / "pack")
    assert "loose modules           4\n    alone\n" in text
    assert "    pack.left, pack.room.right\n" in text
