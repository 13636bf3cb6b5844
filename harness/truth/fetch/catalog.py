"""What can be fetched: which files, from where, how they are known to be whole, what they become.

An entry is downloads and what is made of them: files that are unpacked from an archive, or a truth
table. docs/how-to/data.md has the data folder's layout.

Where checksums come from: md5 of the CIFAR archives from the data set's page; their sha256, and
those of the files in them, from public projects that check them at each download.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.errors import unknown_name
from harness.spaces import load_space
from harness.truth.published import REGISTRY, Download, Entry, Member, Unpacked, published

Catalog = Mapping[str, Entry]


def find_entry(name: str, catalog: Catalog) -> Entry:
    """Look an entry up.

    Raises:
        UsageError: If no entry has that name.
    """
    if name not in catalog:
        raise unknown_name("data set to fetch", name, catalog)
    return catalog[name]


_CIFAR_SITES = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")
_Files = Mapping[str, tuple[int, str]]


def _cifar(
    classes: int, archive: tuple[str, int], folder: str, record_bytes: int, files: _Files
) -> Entry:
    """Describe one of the two CIFAR data sets.

    Args:
        classes: In its name.
        archive: MD5 and bytes of the archive.
        folder: The folder in the archive that holds the files.
        record_bytes: Length of a record.
        files: Records and SHA-256 of each file.

    Returns:
        Its entry.
    """
    md5, size = archive
    name = f"cifar-{classes}-binary.tar.gz"
    members = (
        Member(f"{folder}/{file}", records * record_bytes, f"sha256:{sha256}")
        for file, (records, sha256) in files.items()
    )
    return Entry(
        f"cifar{classes}",
        f"CIFAR-{classes}: 60,000 images, binary version",
        "none stated; cite Krizhevsky (2009)",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        (Download(name, tuple(f"{site}{name}" for site in _CIFAR_SITES), f"md5:{md5}", size),),
        Unpacked(folder, tuple(members)),
    )


_CIFAR10 = _cifar(
    10,
    ("c32a1d4ab5d03f1284b67883e8d87530", 170_052_171),
    "cifar-10-batches-bin",
    3_073,
    {
        name: (10_000, sha256)
        for name, sha256 in {
            "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        }.items()
    },
)
_CIFAR100 = _cifar(
    100,
    ("03b5dce01913d631647c71ecec9e9cb8", 168_513_733),
    "cifar-100-binary",
    3_074,
    {
        "train.bin": (
            50_000,
            "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
        ),
        "test.bin": (
            10_000,
            "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
        ),
    },
)

CATALOG: Catalog = MappingProxyType(
    {
        entry.name: entry
        for entries in (
            (_CIFAR10, _CIFAR100),
            *(published(load_space(name)).entries() for name in REGISTRY),
        )
        for entry in entries
    }
)
"""All that can be fetched, by name."""
