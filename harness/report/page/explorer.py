"""What the scatter of score against truth is drawn from, as JSON within the page.

Numbers travel as the bytes of arrays, little-endian, in base64: exact, half the size of their
digits, and read at once however many there are. Strings of architectures that have the same parts
at the same places, as those of a grid do, travel as numbers too.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.evaluation import Evaluated
from harness.report.contents import Contents, Section

EXACT = 2**53
"""The largest whole number up to which a browser's numbers are exact."""


def explorer_data(report: Contents) -> dict[str, Any]:
    """Collect scores and truths.

    Args:
        report: The report.

    Returns:
        Plain values, ready for JSON: for each truth its architectures, or those of them that
        scatters show (`Section.drawn`), with the scores of every estimator and seed.
    """
    places = report.places
    return {"truths": [_section_data(section, places) for section in report.sections]}


def _section_data(section: Section, places: dict[str, int]) -> dict[str, Any]:
    space, populations = section.space, section.evaluations[0].populations
    drawn = section.drawn
    keys = section.keys[drawn].tolist()
    masks = np.zeros(len(drawn), dtype=np.uint32)
    for bit, part in enumerate(populations.values()):
        masks |= part.population.mask[drawn].astype(np.uint32) << bit
    return {
        "title": section.truth.title,
        "metric": section.truth.metric.axis,
        "is_lower_better": section.truth.metric.is_lower_better,
        "unit": section.truth.metric.unit,
        "index": None if space.index_column is None else _pack_whole(keys),
        "names": pack_names([space.format(space.at(key)) for key in keys]),
        "n_archs": len(section.keys),
        "truth": _pack(section.value[drawn], "<f8"),
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
        "scores": [_pack(row, "<f8") for row in estimator.scores_of(section.keys[section.drawn])],
    }


def pack_names(names: Sequence[str]) -> dict[str, Any]:
    """Write strings as numbers, where words and what separates them are at the same places.

    Args:
        names: The strings, at least one.

    Returns:
        The `parts` that occur at each place, and for each string its `codes`: the positions in
        these as digits, the last place's last. Or the strings as they are, as `plain`.
    """
    split = [re.split(r"(\W+)", name) for name in names]
    if len(set(map(len, split))) > 1:
        return {"plain": list(names)}
    parts = [list(dict.fromkeys(column)) for column in zip(*split, strict=True)]
    if math.prod(map(len, parts)) > EXACT:
        return {"plain": list(names)}
    places = [{part: place for place, part in enumerate(column)} for column in parts]
    codes = [0] * len(names)
    for k, words in enumerate(split):
        for digits, word in zip(places, words, strict=True):
            codes[k] = codes[k] * len(digits) + digits[word]
    return {"parts": parts, "codes": _pack_whole(codes)}


def _pack_whole(values: Sequence[int]) -> dict[str, str]:
    """Pack whole numbers from 0 up to `EXACT`, by the name of their type."""
    dtype = "u2" if max(values, default=0) < 2**16 else "f8"
    return {dtype: _pack(values, f"<{dtype}")}


def _pack(values: npt.ArrayLike, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode("ascii")


def to_script_json(value: Any) -> str:
    """Return JSON that can stand within a `script` element, whatever strings are in it."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    # An element ends at the first `</script`, inside a string too.
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
