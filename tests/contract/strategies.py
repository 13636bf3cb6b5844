"""The strategies that are held to the laws; a new one is one row."""

from __future__ import annotations

from harness.testing.strategies import Row

TOY, ENDLESS = "tests.spaces.toy:Toy", "tests.spaces.endless:Endless"

ROWS = (
    Row("spos", "spos", {}),
    Row(
        "ogd-covariance",
        "ogd",
        {"ogd": {"projector": "covariance", "refresh": 2, "patches": 32, "c": 0.5}},
    ),
    Row("ogd-rls", "ogd", {"ogd": {"projector": "rls", "alpha": 0.1}}),
    Row("ogd-bf16", "ogd", {"precision": "bf16"}),
    Row(
        "ogd-nullspace",
        "ogd",
        {"ogd": {"projector": "nullspace", "refresh": 2, "patches": 32, "threshold": 0.5}},
    ),
    Row(
        "ogd-scheduled",
        "ogd",
        {
            "ogd": {
                "strength_end": 0.1,
                "warmup_frac": 0.3,
                "layers": "searchable",
                "c": 10,
                "refresh": 2,
            }
        },
    ),
    Row("spos-norm-matched", "spos-norm-matched", {"ogd": {"refresh": 2, "c": 0.5}}),
    Row("spos-trace-matched", "spos-trace-matched", {"ogd": {"refresh": 2, "c": 0.5}}),
    Row("random-projector", "random-projector", {"ogd": {"refresh": 2, "c": 0.5}}),
    Row("random-projector-rls", "random-projector", {"ogd": {"projector": "rls", "alpha": 0.1}}),
    Row("fairnas", "fairnas", {}, same_paths=False),
    Row("sandwich", "sandwich", {}, same_paths=False),
    Row("nsas", "nsas", {"nsas": {"constraints": 3, "recent": 4}}),
    Row("wpl", "wpl", {"wpl": {"alpha": 0.1, "decay": 0.9}}),
    Row("novelty", "novelty", {"novelty": {"archive": 4}}, same_paths=False),
    Row("spos-macro", "spos", {"space": "macro"}),
    Row("ogd-macro", "ogd", {"space": "macro", "ogd": {"c": 10, "refresh": 2, "patches": 32}}),
    Row("ogd-macro-rls", "ogd", {"space": "macro"}),
    Row("fairnas-macro", "fairnas", {"space": "macro"}, same_paths=False),
    Row("ogd-nb101-ss2", "ogd", {"space": "nb101-ss2", "ogd": {"c": 10, "refresh": 2}}),
    Row("sandwich-nb101-ss2", "sandwich", {"space": "nb101-ss2"}, same_paths=False),
    Row("spos-toy", "spos", {"space": TOY}),
    Row("ogd-toy", "ogd", {"space": TOY, "ogd": {"c": 10, "refresh": 2, "layers": "searchable"}}),
    Row("fairnas-toy", "fairnas", {"space": TOY}, same_paths=False),
    Row("sandwich-toy", "sandwich", {"space": TOY}, same_paths=False),
    Row("novelty-toy", "novelty", {"space": TOY, "novelty": {"archive": 4}}, same_paths=False),
    Row("nsas-toy", "nsas", {"space": TOY, "nsas": {"constraints": 3, "recent": 4}}),
    Row("wpl-toy", "wpl", {"space": TOY, "wpl": {"alpha": 0.1, "decay": 0.9}}),
    Row("spos-endless", "spos", {"space": ENDLESS}),
    Row("ogd-endless", "ogd", {"space": ENDLESS, "ogd": {"projector": "rls", "alpha": 0.1}}),
    Row("wpl-endless", "wpl", {"space": ENDLESS, "wpl": {"alpha": 0.1, "decay": 0.9}}),
)
