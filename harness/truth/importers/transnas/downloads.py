"""What can be downloaded of TransNAS-Bench-101: results of the best epoch and of the final one.

Checksums are from the files themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.spaces import load_space
from harness.truth.published import Download, Entry, Table

if TYPE_CHECKING:
    from harness.truth.table import TruthTable

_RAW = "https://raw.githubusercontent.com"
_BEST = (
    f"{_RAW}/tomomasayamasaki/RBFleX-NAS/cd3a57b39f79a1007b49444a8c6e4d6f803070cd/"
    "designspace/Trans_Macro/data/trans"
)
_NASLIB = f"{_RAW}/automl/NASLib"
_FINAL = {
    "micro": (
        "all_benchmarks_zen.zip",
        f"{_NASLIB}/7a5496e2211d8ab65da40e0e2d5333aba87df614/naslib/data/zc_benchmarks",
        "d70d3ddcda2264806a467d3fb3840e8ce04c5b0129776110a62018ea68e6d7f2",
        1_016_797,
    ),
    "macro": (
        "tnb101_macro_zen.zip",
        f"{_NASLIB}/eba9f98038440ba2f246f6054ebd7ba55ad38b3a/run/results/benchmarks",
        "c34526c4f37f06205e61efeeb80bce5340dbce555ad558a10d6a897258d0de7b",
        870_234,
    ),
}
_FILES = {
    "macro_autoencoder": (
        "fc11e47410ec71e4b3d3f026f673714357a9359ba90802780fc6401f6379f05e",
        132_412,
    ),
    "macro_class_object": (
        "8f2a61f44154d049e2840f5db5bcf8021a88f7c1af75bf3a3fc4ac1c46cb01d6",
        129_552,
    ),
    "macro_class_scene": (
        "300f360ccf1e030bbbe02bb7c52757c93ec6b091d28152a620b88627ebd722eb",
        129_538,
    ),
    "macro_jigsaw": ("e0f4176e9f69c4f06b5190c3ba784e4fe9563f24c605d357d7462e1b00b0a020", 128_061),
    "macro_normal": ("c46429d898876609136f5e4f17d7f99e212c2e4387ac650eb9c8e7b03bf556b8", 131_867),
    "macro_room_layout": (
        "1a0a5ccbb0de5510a410a170ddab2a9ccbcd2e37c79019e2527fdec3f40cc138",
        135_145,
    ),
    "macro_segmentsemantic": (
        "f1f1f6867c040c2ab7cc1ab6789217cd310d347b30e27c4e6f802349cf44a60b",
        131_016,
    ),
    "micro_autoencoder": (
        "0d7f9f96b89df2a01d0d9d3981443b4ca51c3dd4608a53c9c3fe1c36ca9edf55",
        177_017,
    ),
    "micro_class_object": (
        "e8c6272680466afafe0dd7afcd5f7e0ed7f6d1dcfd9976bc08227966a7a36cc8",
        172_849,
    ),
    "micro_class_scene": (
        "7e9e15e417d3f20c70e0e9cbef3451ff4fdfba0609cf644620f4afbaf42defa8",
        172_962,
    ),
    "micro_jigsaw": ("c37189d326ef63b24a646c7e2cc833af5267d1e65c7deb2f9a7431e65b079be3", 171_815),
    "micro_normal": ("d9b5fbb319ca9e96422390b78532b24ebf848b9e35d43a9f8a02e8e5d3e5cc1d", 176_129),
    "micro_room_layout": (
        "77c5574436352aac0a31d187cff12a5438f821d83297930b8977b28317b4a6e9",
        179_759,
    ),
    "micro_segmentsemantic": (
        "e3759c48a99d97038595315e543dc737c4b41da9846968dbf6467e9d07fb530f",
        174_247,
    ),
}
"""Hash and size of the files of the best epoch."""

_TABLES = {
    "micro": "97442773ce82268d0c065e573436a42419b1fa958d6afe77532a79206255fafa",
    "macro": "e7e14a3162ab357cfa129e3948d1d7e5dd8a0180ef894b6dc9f48c87f8ca5324",
}
"""Content hashes of the tables."""

FOLDER = "transnas101"


def make(space: str, path: Path) -> TruthTable:
    """Make the table of a space of the folder in which one of its files of the best epoch is."""
    from harness.truth.importers.importing import import_truth

    return import_truth(path.parents[1], "public", space=load_space(space))


def make_of(space: str, paths: Sequence[Path]) -> TruthTable:
    """Make the table of a space of its downloads."""
    return make(space, paths[0])


def entry(kind: str) -> Entry:
    """Return what is fetched of the micro or the macro space."""
    space = f"transnas-{kind}"
    best = [
        Download(
            f"{FOLDER}/best_epoch/{name}.json", (f"{_BEST}/{name}.json",), f"sha256:{sha}", size
        )
        for name, (sha, size) in _FILES.items()
        if name.startswith(kind)
    ]
    file, folder, sha, size = _FINAL[kind]
    final = Download(f"{FOLDER}/final_epoch/{file}", (f"{folder}/{file}",), f"sha256:{sha}", size)
    return Entry(
        space,
        f"TransNAS-Bench-101 ({kind}): seven tasks, best and final epoch",
        "MIT and Apache-2.0",
        "https://github.com/yawen-d/TransNASBench",
        (*best, final),
        Table(f"{space}/truth.parquet", partial(make_of, space), _TABLES[kind]),
    )
