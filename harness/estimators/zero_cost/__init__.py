"""Training-free proxies: scores of untrained networks from a batch or two of images.

Each is computed on the stand-alone network of an architecture at its initial weights, in training
mode, so that batch norm uses the batch's own statistics. Higher is better, as each paper means it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.registry import load_class

if TYPE_CHECKING:
    from harness.estimators.zero_cost.proxy import Proxy

_HERE = "harness.estimators.zero_cost"

REGISTRY = {
    "synflow": f"{_HERE}.synflow:Synflow",
    "snip": f"{_HERE}.snip:Snip",
    "grasp": f"{_HERE}.grasp:Grasp",
    "fisher": f"{_HERE}.fisher:Fisher",
    "grad_norm": f"{_HERE}.grad_norm:GradNorm",
    "l2_norm": f"{_HERE}.l2_norm:L2Norm",
    "plain": f"{_HERE}.plain:Plain",
    "jacov": f"{_HERE}.jacov:Jacov",
    "nwot": f"{_HERE}.nwot:Nwot",
    "zen": f"{_HERE}.zen:Zen",
    "epe_nas": f"{_HERE}.epe_nas:EpeNas",
    "zico": f"{_HERE}.zico:Zico",
    "nlc": f"{_HERE}.nlc:Nlc",
}
"""`module:Class` of each proxy, by name."""


def load_proxy(name: str) -> Proxy:
    """Make a proxy.

    Args:
        name: A key of `REGISTRY`, or `package.module:Class` of one's own.

    Raises:
        UsageError: If it does not exist or is not a proxy.
    """
    proxy: Proxy = load_class("proxy", name, REGISTRY, f"{_HERE}.proxy:Proxy")()
    return proxy
