"""NAS-Bench-201's published results: five formats, four downloads, and the usual truth.

Nothing outside this folder and `harness/spaces/nb201/` knows the benchmark's operations, strings
or order. What reads a format is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.truth.published import Entry, Format, Published
from harness.truth.query import TruthQuery

if TYPE_CHECKING:
    from harness.truth.importers.base import Imported


def _formats() -> Mapping[str, Format]:
    from harness.truth.importers.nb201.latency import is_latency, read_latency
    from harness.truth.importers.nb201.nats import is_nats, read_nats
    from harness.truth.importers.nb201.official import is_official, read_official
    from harness.truth.importers.nb201.public import is_public, read_public
    from harness.truth.importers.nb201.robust import is_robust, read_robust

    return {
        "nb201": Format("the official .pth of NAS-Bench-201", is_official, read_official, True),
        "nats": Format("a NATS-Bench topology folder", is_nats, read_nats, True),
        "public": Format("the folder of small public tables", is_public, read_public),
        "robust": Format("the table of robust accuracies", is_robust, read_robust),
        "latency": Format("the folder of latencies by device", is_latency, read_latency),
    }


def _entries() -> tuple[Entry, ...]:
    from harness.truth.importers.nb201.downloads import LATENCY, OFFICIAL, PUBLIC, ROBUST

    return (PUBLIC, OFFICIAL, ROBUST, LATENCY)


def _read_api(api: object) -> Imported | None:
    from harness.truth.importers.nb201.api import read_api

    return read_api(api)


def _find_seconds(data_dir: Path | None, query: TruthQuery) -> Mapping[int, float] | None:
    from harness.truth.importers.nb201.seconds import find_seconds

    return find_seconds(data_dir, query)


def _hint(path: Path) -> str:
    from harness.truth.importers.nb201.nats import META

    if path.is_dir():
        return f": it is a folder without {META}"
    if path.name.endswith(".pbz2"):
        return ": of NATS-Bench, give the folder 'NATS-tss-v1_0-3ffb9-simple'"
    return ""


PUBLISHED = Published(
    queries={
        "cifar10": TruthQuery("cifar10", "test", 200),
        "cifar100": TruthQuery("cifar100", "test", 200),
        "imagenet16-120": TruthQuery("ImageNet16-120", "test", 200),
    },
    datasets=("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120"),
    formats=_formats,
    entries=_entries,
    hint=_hint,
    read_api=_read_api,
    validated_as={"cifar10": "cifar10-valid"},
    find_seconds=_find_seconds,
)
