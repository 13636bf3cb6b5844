"""What can be fetched: which files, from where, how they are known to be whole, what they become.

An entry is downloads and what is made of them: files that are unpacked from an archive, or a truth
table. The data folder's layout is that of the README.

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
        UsageError: If there is none of that name.
    """
    if name not in catalog:
        raise unknown_name("data set to fetch", name, catalog)
    return catalog[name]


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
