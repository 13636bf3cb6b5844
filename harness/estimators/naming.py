"""The grammar by which commands and Python name estimators: `spos,jacov,live_params+2*jacov`.

A comma separates estimators, a plus sign the components of a combination; neither does within
brackets, so that `own(n=32,depth=2)` and `spos [lr=0.1, seed=3]` are one name each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Sequence
from typing import NamedTuple

from harness.errors import UsageError, unknown_name

PLUS = "+"
FLOOR = "floor"
"""Names the space's floor, alone or in a combination."""
_OPEN, _CLOSE = "([{", ")]}"
_WEIGHT = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*\*\s*(.+)", re.DOTALL)

_SETTING = re.compile(r"\w+\s*=\s*\S")


class Term(NamedTuple):
    """A component of a combination.

    Attributes:
        name: The estimator.
        weight: Its stated weight.
    """

    name: str
    weight: float = 1.0


def split_names(text: str | None) -> list[str]:
    """Split a comma-separated list, each name once; None gives an empty list."""
    return list(dict.fromkeys(filter(None, map(str.strip, _split(text or "", ",")))))


def parse_names(text: str | None, option: str) -> list[str]:
    """Split a list that an option was given.

    Raises:
        UsageError: If it was given and names nothing.
    """
    names = split_names(text)
    if text is not None and not names:
        raise UsageError(f"{option} '{text}' names no estimator. Give names such as spos,jacov.")
    return names


def parse_terms(text: str, known: Container[str]) -> list[Term]:
    """Find the estimators that a name stands for.

    Args:
        text: What the user wrote, such as "live_params+2*jacov".
        known: The estimators that there are; a name of one is not taken apart.

    Returns:
        The components, a single one for an estimator. Names that are unknown are returned too, the
        longest known ones first, from the left.

    Raises:
        UsageError: If a component has no name or the weight 0, or a combination names one twice.
    """
    if text in known:
        return [Term(text)]
    parts = _split(text, PLUS)
    if not all(part.strip() for part in parts):
        raise UsageError(
            f"'{text}' has a component without a name. Write estimators with a plus sign between "
            "them, such as live_params+jacov, or with a stated weight, such as live_params+2*jacov."
        )
    terms: list[Term] = []
    while parts:
        for n in range(len(parts), 0, -1):
            term = _weigh(PLUS.join(parts[:n]).strip(), known)
            if term.name in known:
                break
        # If none is known, n is 1 and the term the first part.
        terms.append(term)
        parts = parts[n:]
    for term in terms:
        if term.weight == 0.0:
            raise UsageError(
                f"'{text}' gives {term.name} the weight 0. Leave it out, or give it a weight "
                f"above 0, such as 0.5*{term.name}."
            )
    refuse_twice(text, terms)
    return terms


def refuse_twice(text: str, terms: Iterable[Term]) -> None:
    """Refuse a combination that names an estimator twice.

    Raises:
        UsageError: If it does.
    """
    twice = [name for name, n in Counter(term.name for term in terms).items() if n > 1]
    if twice:
        raise UsageError(
            f"'{text}' names {twice[0]} twice. Name each component once, and give it a weight, "
            f"such as 2*{twice[0]}, if it is to count for more."
        )


def split_sum(text: str) -> list[str]:
    """Split names with plus signs between them, each once."""
    return list(dict.fromkeys(map(str.strip, _split(text, PLUS))))


def read_sum(text: str, known: Collection[str], what: str) -> list[str]:
    """Return the names that a setting gives with plus signs between them, each once.

    Args:
        text: The setting.
        known: The names that there are.
        what: What is named, in an error.

    Raises:
        UsageError: If a name is unknown.
    """
    names = split_sum(text)
    for name in names:
        if name not in known:
            raise unknown_name(what, name, known)
    return names


def split_settings(name: str) -> tuple[str, tuple[str, ...]]:
    """Split `predictor(n=32, model=gp)` into the estimator and its settings.

    Raises:
        UsageError: If the brackets do not hold settings.
    """
    base, bracket, rest = name.partition("(")
    if not bracket:
        return name, ()
    inner = rest.strip().removesuffix(")")
    settings = tuple(split_names(inner))
    if not base.strip() or inner == rest.strip() or not all(_SETTING.match(s) for s in settings):
        raise UsageError(
            f"'{name}' is not an estimator with settings. Write them in round brackets, such as "
            "predictor(n=32,model=forest)."
        )
    return base.strip(), tuple("=".join(map(str.strip, s.split("=", 1))) for s in settings)


def write_name(name: str, settings: Sequence[str]) -> str:
    """Write an estimator with its settings, a space after each comma."""
    return f"{name}({', '.join(settings)})" if settings else name


def find_label(name: str, labels: Iterable[str]) -> str:
    """Return the label that a name stands for, or the name itself.

    Args:
        name: A label, or one with fewer settings in its brackets, such as `predictor(n=32)` for
            `predictor(n=32, model=forest)`: it stands for the only label that has them all.
        labels: The estimators that there are.
    """
    labels = list(labels)
    if name in labels:
        return name
    try:
        base, wanted = split_settings(name)
        found = [label for label in labels if "(" in label and _fits(label, base, wanted)]
    except UsageError:
        return name
    return found[0] if len(found) == 1 else name


def _fits(label: str, base: str, wanted: Sequence[str]) -> bool:
    try:
        own, settings = split_settings(label)
    except UsageError:  # such as `params (proxies.csv)`
        return False
    spaceless = {setting.replace(" ", "") for setting in settings}
    return own == base and {setting.replace(" ", "") for setting in wanted} <= spaceless


def _weigh(text: str, known: Container[str]) -> Term:
    found = None if text in known else _WEIGHT.fullmatch(text)
    return Term(text) if found is None else Term(found[2], float(found[1]))


def _split(text: str, sign: str) -> list[str]:
    """Split at a sign that is not within brackets."""
    parts, depth = [""], 0
    for char in text:
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth = max(0, depth - 1)
        if char == sign and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts
