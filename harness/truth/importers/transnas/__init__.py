"""TransNAS-Bench-101's published results: three formats, two downloads, and the usual truth.

Nothing outside this folder and `harness/spaces/transnas/` knows the benchmark's tasks or strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.spaces.transnas.encoding import TASKS
from harness.truth.published import Entry, Format, Published
from harness.truth.query import TruthQuery

if TYPE_CHECKING:
    from harness.truth.table import TruthTable


def _formats() -> Mapping[str, Format]:
    from harness.truth.importers.transnas.official import is_official, read_official
    from harness.truth.importers.transnas.public import is_public, read_public

    return {
        "official": Format("the official .pth of TransNAS-Bench-101", is_official, read_official),
        "public": Format("the public files of best and final epochs", is_public, read_public),
    }


def _make(space: str, path: Path) -> TruthTable:
    from harness.truth.importers.transnas.downloads import make

    return make(space, path)


def _entries(kind: str) -> tuple[Entry, ...]:
    from harness.truth.importers.transnas.downloads import entry

    return (entry(kind),)


def _publish(kind: str) -> Published:
    """Say what is published of a space; a ranking of CIFAR-10's images is judged by transfer."""
    usual = TruthQuery("class_scene", "valid", 25)
    return Published(
        queries=dict.fromkeys(("cifar10", "cifar100", "imagenet16-120"), usual),
        datasets=tuple(TASKS),
        formats=_formats,
        entries=partial(_entries, kind),
        raw={f"transnas101/best_epoch/{kind}_class_scene.json": partial(_make, f"transnas-{kind}")},
    )


PUBLISHED = {f"transnas-{kind}": _publish(kind) for kind in ("micro", "macro")}
