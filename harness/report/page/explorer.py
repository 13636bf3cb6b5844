"""What the scatter of score against truth is drawn from, as JSON within the page.

Numbers travel as the bytes of arrays, little-endian, in base64: exact, half the size of their
digits, and read at once however many there are. Strings of architectures are made in the browser
from five operations on six edges.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.evaluation import Evaluated
from harness.report.contents import Contents, Section
from harness.spaces.nb201.encoding import EDGES, OPS, arch_at


def explorer_data(report: Contents) -> dict[str, Any]:
    """Collect scores and truths.

    Args:
        report: The report.

    Returns:
        Plain values, ready for JSON: how architectures are spelled, and for each truth its
        architectures, with what every estimator and seed gave them.
    """
    places = {label: place for place, label in enumerate(report.labels)}
    return {
        "ops": list(OPS),
        "edges": [list(edge) for edge in EDGES],
        "truths": [_section_data(section, places) for section in report.sections],
    }


def _section_data(section: Section, places: dict[str, int]) -> dict[str, Any]:
    populations = section.evaluations[0].populations
    masks = np.zeros(len(section.nb201_index), dtype=np.uint32)
    for bit, part in enumerate(populations.values()):
        masks |= part.population.mask.astype(np.uint32) << bit
    return {
        "title": section.title,
        "index": _pack(section.nb201_index, "<u2"),
        "code": _pack([_encode(index) for index in section.nb201_index.tolist()], "<u2"),
        "truth": _pack(section.accuracy, "<f8"),
        "populations": [
            {"name": name, "description": part.population.description}
            for name, part in populations.items()
        ],
        "masks": _pack(masks, "<u4"),
        "estimators": [_scores(result, section, places) for result in section.evaluations],
    }


def _scores(result: Evaluated, section: Section, places: dict[str, int]) -> dict[str, Any]:
    estimator = result.estimator
    return {
        "label": estimator.label,
        "style": places[estimator.label] % 8,
        "kind": estimator.score_kind,
        "seeds": list(estimator.seeds),
        "scores": [_pack(row, "<f8") for row in estimator.scores_of(section.nb201_index)],
    }


def _encode(nb201_index: int) -> int:
    """Return the operations as digits of base 5, the first edge's first."""
    code = 0
    for op in arch_at(nb201_index).ops:
        code = len(OPS) * code + op
    return code


def _pack(values: npt.ArrayLike, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode("ascii")


def to_script_json(value: Any) -> str:
    """Return JSON that can stand within a `script` element, whatever strings are in it."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    # An element ends at the first `</script`, inside a string too.
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
