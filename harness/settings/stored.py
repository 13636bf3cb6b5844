"""Runs stored before names had two hashes: their names, and how to read their settings now.

Such a name has one hash, of all settings except those that are younger than the run and have the
value it was made with. Each run held the whole `ogd` table or null, even what its projector did not
read, and null for the tables of other strategies. This module is frozen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

_TABLES = ("ogd", "nsas", "wpl", "novelty")
_YOUNGER: dict[str, Any] = {
    "loss_every": 0,
    "precision": "float32",
    "bn_sync": True,
    "train_share": 0.5,
    "rank_precision": "float32",
    "rank_readout": "shared",
    "rank_offset": 0,
    "rank_snapshots": 1,
    "snapshot_every": 100,
    "until_tau_se": None,
    "nsas": None,
    "wpl": None,
    "novelty": None,
}
_OGD = {
    **{"projector": "covariance", "alpha": 1.0, "c": 10.0},
    **{"beta": 0.99, "refresh": 20, "patches": 128},
}
_OGD_YOUNGER = {"threshold": 1.0, "strength_end": None, "warmup_frac": 0.0, "layers": "both"}
_TUNED = {"projector": "rls", "alpha": 0.1}
_STRENGTHS = {"covariance": "c", "nullspace": "threshold", "rls": "alpha"}
_AVERAGING = ("beta", "refresh", "patches")


def modernise(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Convert stored settings to the present form, without null tables and idle settings."""
    kept = {
        key: value for key, value in settings.items() if key not in _TABLES or value is not None
    }
    table = kept.get("ogd")
    if isinstance(table, Mapping) and table.keys() >= _OGD.keys():
        kept["ogd"] = _without_idle({**_OGD_YOUNGER, **table})
    return kept


def _without_idle(table: Mapping[str, Any]) -> dict[str, Any]:
    own = _STRENGTHS.get(table["projector"])
    idle = {strength for strength in _STRENGTHS.values() if strength != own}
    if own == "alpha":
        idle.update(_AVERAGING)
    return {key: value for key, value in table.items() if key not in idle}


def former_sha256(settings: Mapping[str, Any]) -> str:
    """Hash the settings of a stored record, exactly as stored, by the former rule."""
    kept = {k: v for k, v in settings.items() if k not in _YOUNGER or v != _YOUNGER[k]}
    table = kept.get("ogd")
    if isinstance(table, Mapping):
        kept["ogd"] = {
            k: v for k, v in table.items() if k not in _OGD_YOUNGER or v != _OGD_YOUNGER[k]
        }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def former_name(settings: Mapping[str, Any]) -> str:
    """Return the name of a stored record by the former rule."""
    strategy = "".join(x if x.isalnum() or x in "-_" else "-" for x in str(settings["strategy"]))
    sha256 = former_sha256(settings)
    return f"{settings['dataset']}-{strategy}-s{settings['seed']}-{sha256[:8]}"


def former_settings(settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the settings that a stored run equal to today's settings may have held."""
    own = {key: value for key, value in settings.items() if isinstance(value, Mapping)}
    if settings["estimator"] != "supernet" or not set(own) <= set(_TABLES):
        return
    fields = {k: v for k, v in settings.items() if k not in own and k != "estimator"}
    for ogd in _complete_ogd(own.get("ogd"), settings["strategy"]):
        yield {**fields, **dict.fromkeys(_TABLES), **own, "ogd": ogd}


def _complete_ogd(table: Mapping[str, Any] | None, strategy: str) -> list[Mapping[str, Any] | None]:
    """Restore the full table: what its projector does not read had one of two values."""
    if table is not None:
        return [{**_OGD, **_OGD_YOUNGER, "alpha": alpha, **table} for alpha in (0.1, 1.0)]
    if ":" not in strategy:
        return [None]
    whole = {**_OGD, **_OGD_YOUNGER}  # a user's strategies held the table without reading it
    return [whole, {**whole, **_TUNED}]
