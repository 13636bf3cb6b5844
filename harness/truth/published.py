"""What is published of each space: the usual truth, formats of results, and downloads.

A benchmark is one folder in `harness/truth/importers/`, whose `PUBLISHED` says this, and one row
of `REGISTRY`. No other module of this room knows what a space is made of.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.spaces.base import Space
from harness.truth.query import TruthQuery

if TYPE_CHECKING:
    from harness.truth.importers.base import Imported, ImportOptions
    from harness.truth.table import TruthTable

REGISTRY = {
    "nb201": "harness.truth.importers.nb201",
    "macro": "harness.truth.importers.macro",
    "nb101": "harness.truth.importers.nb101",
    "transnas-micro": "harness.truth.importers.transnas",
    "transnas-macro": "harness.truth.importers.transnas",
}
"""The module that has `PUBLISHED`, by the name of the space; of several, by name as well."""


@dataclass(frozen=True)
class Format:
    """One format of published results.

    Attributes:
        summary: What it is, in a phrase.
        is_it: Whether a path, whose first bytes are given, has this format.
        read: Reads it.
        has_curves: Whether it has accuracies of epochs before the end of a training.
    """

    summary: str
    is_it: Callable[[Path, bytes], bool]
    read: Callable[[Path, ImportOptions], Imported]
    has_curves: bool = False


@dataclass(frozen=True)
class Download:
    """A file to download.

    Attributes:
        path: Its place in the data folder.
        urls: Where it is published, tried in this order.
        checksum: "sha256:..." or "md5:...", hexadecimal.
        size: Bytes.
    """

    path: str
    urls: tuple[str, ...]
    checksum: str
    size: int

    @property
    def file(self) -> str:
        """Its name without the folder."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Member:
    """A file of an archive.

    Attributes:
        name: Its name in the archive, and its place in the data folder.
        size: Bytes.
        checksum: "sha256:..." or "md5:...", hexadecimal.
    """

    name: str
    size: int
    checksum: str


@dataclass(frozen=True)
class Unpacked:
    """Files that are unpacked from the one archive of an entry.

    Attributes:
        folder: The folder in the data folder, and in the archive, that holds all of them.
        members: What is kept of the archive.
    """

    folder: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Table:
    """A truth table that is made of an entry's downloads.

    Attributes:
        path: Its place in the data folder.
        make: Makes it of the downloaded files, in the entry's order.
        sha256: Content hash that it must have; None where that is not known beforehand.
    """

    path: str
    make: Callable[[Sequence[Path]], TruthTable]
    sha256: str | None = None


@dataclass(frozen=True)
class Entry:
    """Something that can be fetched.

    Attributes:
        name: What it is asked for by.
        title: What it is, in a few words.
        licence: Its licence, as far as it is known.
        home: Where it is described.
        downloads: Its files.
        product: What is made of them.
    """

    name: str
    title: str
    licence: str
    home: str
    downloads: tuple[Download, ...]
    product: Unpacked | Table

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(download.size for download in self.downloads)


@dataclass(frozen=True)
class Published:
    """What is published of a space.

    Attributes:
        queries: The usual truth of a supernet, by the image data set that it is trained on.
        datasets: The data sets of the published table, in its spelling.
        formats: Formats of results by name, in the order in which they are tried.
        entries: What can be fetched.
        raw: What makes a table of a published file that is small enough to be opened as it is, by
            its place in the data folder.
        hint: What to add to the error for a path of unknown format, from ": "; or "".
        read_api: Reads an object of the benchmark's own packages; None of any other object.
        validated_as: The data set that has a data set's validation accuracies, where it is another.
        find_seconds: Finds what each training took, by key, in a file of the data folder; None
            where there is none.
    """

    queries: Mapping[str, TruthQuery] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    formats: Callable[[], Mapping[str, Format]] = dict
    entries: Callable[[], tuple[Entry, ...]] = tuple
    raw: Mapping[str, Callable[[Path], TruthTable]] = field(default_factory=dict)
    hint: Callable[[Path], str] = lambda _path: ""
    read_api: Callable[[object], Imported | None] = lambda _api: None
    validated_as: Mapping[str, str] = field(default_factory=dict)
    find_seconds: Callable[[Path | None, TruthQuery], Mapping[int, float] | None] = (
        lambda _data_dir, _query: None
    )


@cache
def published(space: Space) -> Published:
    """Return what is published of a space, or of the one that it is a part of.

    Nothing is of a space that `REGISTRY` does not name.
    """
    name = space.part_of or space.name
    if name not in REGISTRY:
        return Published()
    found: Published | Mapping[str, Published] = importlib.import_module(REGISTRY[name]).PUBLISHED
    return found if isinstance(found, Published) else found[name]
