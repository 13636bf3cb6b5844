"""Search spaces: what an architecture is, which ones exist, and which ones are the same."""

from harness.spaces.nb201.encoding import (
    EDGES,
    N_ARCHS,
    OPS,
    Arch,
    canonical_permutation,
    enumerate_archs,
    parse_arch,
)

__all__ = [
    "EDGES",
    "N_ARCHS",
    "OPS",
    "Arch",
    "canonical_permutation",
    "enumerate_archs",
    "parse_arch",
]
