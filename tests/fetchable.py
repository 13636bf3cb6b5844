"""Small things to fetch: an archive of two files, and a table made of two downloads."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from harness.spaces.nb201.encoding import arch_at
from harness.truth import TruthTable, make_table
from harness.truth.published import Download, Entry, Member, Table, Unpacked

FILES = {"toy/train.bin": bytes(range(256)) * 800, "toy/test.bin": bytes(reversed(range(256))) * 99}
TABLE_FILES = {"one.txt": b"61.5", "two.txt": b"62.5"}


def checksum(content: bytes, kind: str = "sha256") -> str:
    return f"{kind}:{hashlib.new(kind, content, usedforsecurity=False).hexdigest()}"


def pack(files: dict[str, bytes]) -> bytes:
    """Make a .tar.gz: the same bytes in every process, and not compressed, so that it is long."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in {**files, "toy/readme.html": b"hello"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), compresslevel=0, mtime=0)


ARCHIVE = pack(FILES)


def make_archive_entry(*urls: str, archive: bytes = ARCHIVE) -> Entry:
    members = [Member(name, len(each), checksum(each)) for name, each in FILES.items()]
    download = Download("toy.tar.gz", urls, checksum(archive, "md5"), len(archive))
    home, licence = "https://example.org/toy", "CC0-1.0"
    return Entry("toy", "Toy", licence, home, (download,), Unpacked("toy", tuple(members)))


def make_toy_table(paths: Sequence[Path]) -> TruthTable:
    rows = pd.DataFrame(
        {
            "nb201_index": [0, 1],
            "arch_str": [str(arch_at(0)), str(arch_at(1))],
            "dataset": "toy",
            "split": "test",
            "epochs": 1,
            "trial": 0,
            "seed": 0,
            "accuracy": [float(path.read_text()) for path in paths],
        }
    )
    return make_table(rows, "toy", {"licence": "CC0-1.0"})


def make_table_entry(
    base: str,
    name: str = "toy-table",
    sha256: str | None = None,
    make: Callable[[Sequence[Path]], TruthTable] = make_toy_table,
) -> Entry:
    downloads = tuple(
        Download(f"tables/raw/{file}", (f"{base}{file}",), checksum(each), len(each))
        for file, each in TABLE_FILES.items()
    )
    product = Table("tables/truth.parquet", make, sha256)
    return Entry(name, "Toy", "MIT", "https://example.org/table", downloads, product)
