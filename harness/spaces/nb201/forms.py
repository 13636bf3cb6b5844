"""How the field's codes write an architecture of NAS-Bench-201, beside the benchmark's string.

Every form can write each of the 15,625 architectures, and reading is exact: a text that is not
wholly of the form is refused. Names of convolutions may lack their `nor_`. Six digits can be read
in the benchmark's order and in NASLib's, which as a rule name two architectures.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence

from harness.errors import ArchError
from harness.spaces.nb201.encoding import EDGES, N_NODES, OP_BY_NAME, OPS, Arch, parse_arch
from harness.spaces.values import Form

NASLIB_OPS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""The operations in NASLib's order: what its digits stand for."""

NASLIB_EDGES = tuple(sorted(EDGES, key=lambda edge: edge[::-1]))
"""The edges in NASLib's order, by source: 0->1, 0->2, 0->3, 1->2, 1->3, 2->3."""


def _sequence(items: Sequence[str]) -> str:
    """Return the pattern of a list or tuple, in text without blanks and quotes."""
    return rf"[(\[]{','.join(items)},?[)\]]"


_NODES = [[rf"[(\[](\w+),{source}[)\]]" for source in range(node)] for node in range(1, N_NODES)]
_GENOTYPE = re.compile(_sequence([_sequence(pairs) for pairs in _NODES]))
_STRUCTURE = re.compile(rf"\w*Structure\({N_NODES} nodes with (.*)\)")
_EDGE = r"\d_\d:\w+"
_EDGES = re.compile(rf"\{{{_EDGE}(?:,{_EDGE}){{{len(EDGES) - 1}}}\}}")
_DIGIT = f"([0-{len(OPS) - 1}])"
# What stands between two digits stands between all of them, so that (40, 31, 43) is not read.
_DIGITS = re.compile(rf"[(\[]?\s*{_DIGIT}(\s*,\s*|\s+|){_DIGIT}(?:\2{_DIGIT}){{4}}\s*,?\s*[)\]]?")
_QUOTES_AND_BLANKS = dict.fromkeys(map(ord, "'\"" + string.whitespace))


def _of_names(names: Sequence[str], text: str) -> Arch:
    """Return the architecture with the named operations, in the order of `EDGES`."""
    unknown = [name for name in names if name not in OP_BY_NAME]
    if unknown:
        raise ArchError(
            f"'{text:.120}' names the operation '{unknown[0]:.40}' (available: {', '.join(OPS)})."
        )
    return Arch(tuple(OP_BY_NAME[name] for name in names))


def _refusal(text: str, form: str) -> ArchError:
    return ArchError(f"'{text:.120}' is not {form}, such as {FORMS[form].example}.")


def _parse_digits(text: str, form: str) -> list[int]:
    if not _DIGITS.fullmatch(text.strip()):
        raise _refusal(text, form)
    return [int(digit) for digit in re.findall(_DIGIT, text)]


def _parse_ops(text: str) -> Arch:
    return Arch(tuple(_parse_digits(text, "ops")))


def _parse_naslib(text: str) -> Arch:
    digits = _parse_digits(text, "naslib")
    names = {edge: NASLIB_OPS[digit] for edge, digit in zip(NASLIB_EDGES, digits, strict=True)}
    return _of_names([names[edge] for edge in EDGES], text)


def _parse_genotype(text: str) -> Arch:
    match = _GENOTYPE.fullmatch(text.translate(_QUOTES_AND_BLANKS))
    if match is None:
        raise _refusal(text, "genotype")
    return _of_names(match.groups(), text)


def _parse_structure(text: str) -> Arch:
    match = _STRUCTURE.fullmatch(text.strip())
    if match is None:
        raise _refusal(text, "structure")
    return parse_arch(match[1])


def _parse_edges(text: str) -> Arch:
    bare = text.translate(_QUOTES_AND_BLANKS)
    items = bare[1:-1].split(",") if _EDGES.fullmatch(bare) else []
    by_edge = dict(item.split(":") for item in items)
    names = [by_edge.get(f"{source}_{target}", "") for target, source in EDGES]
    if "" in names:
        raise _refusal(text, "edges")
    return _of_names(names, text)


FORMS: Mapping[str, Form] = {
    "ops": Form("(4, 2, 1, 2, 4, 2): operations and edges in the benchmark's order", _parse_ops),
    "naslib": Form("(4, 3, 3, 0, 4, 3): operations and edges in NASLib's order", _parse_naslib),
    "genotype": Form(
        "[(('none', 0),), (('none', 0), ('none', 1)), (('none', 0), ('none', 1), ('none', 2))]",
        _parse_genotype,
    ),
    "structure": Form("Structure(4 nodes with |none~0|+...), as AutoDL prints", _parse_structure),
    "edges": Form("{'0_1': 'none', '0_2': 'none', '0_3': ...}, as NNI has it", _parse_edges),
}
"""By name; `Space.forms` has the string and the published index too."""
