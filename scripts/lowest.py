"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

    python scripts/lowest.py > lowest.txt

Of every dependency of the package and of its extras for users. Not of torch, whose build is the
user's choice, nor of the development tools, which nobody who uses the package installs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FREE = ("torch",)
FOR_DEVELOPMENT = ("dev", "docs", "test")


def lowest(project: Mapping[str, Any]) -> Iterator[str]:
    """Yield a constraint for each dependency of a project, such as "numpy==1.26".

    Raises:
        ValueError: If a dependency has no lowest version.
    """
    extras = project["optional-dependencies"]
    groups = [extras[name] for name in extras if name not in FOR_DEVELOPMENT]
    for requirement in sum(groups, list(project["dependencies"])):
        name, sign, version = requirement.partition(">=")
        if not sign or not version.replace(".", "").isdigit():
            raise ValueError(f"'{requirement}' is not NAME>=VERSION.")
        if name not in FREE:
            yield f"{name}=={version}"


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    print("\n".join(lowest(content["project"])))
