"""Training-free proxies: scores of untrained networks from a batch or two of images.

Each is computed on the stand-alone network of an architecture at its initial weights, in training
mode, so that batch norm uses the batch's own statistics. Higher is better, as each paper means it.
"""

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
