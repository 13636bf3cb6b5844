"""Showing what came from outside: a value in a message can neither hide nor command a terminal."""

from __future__ import annotations

import json

_LONGEST = 80
_FORMULA_STARTS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # and their wide forms


def show(value: object, longest: int = _LONGEST, keep_end: bool = False) -> str:
    """Return a value as one line of printable text.

    Args:
        value: Anything, such as a cell of somebody's file.
        longest: Maximum length in characters, at least 4.
        keep_end: Cut a long text at its start, as for paths, whose ends tell them apart.

    Returns:
        Its text; what does not print (line breaks, escape codes, marks that turn the direction of
        writing) is written as a Python escape, and what is too long is cut.
    """
    text = str(value)
    if len(text) > longest:
        text = "..." + text[3 - longest :] if keep_end else text[: longest - 3] + "..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def on_one_line(text: str) -> str:
    """Return a sentence on one printable line, however long, whatever names are in it."""
    return show(text, max(4, len(text)))


def refuse_halves(value: object, text: str) -> None:
    """Refuse JSON in which a text is not Unicode, as the escape of one half of a pair makes it.

    Python holds such a text, but neither pandas nor any file takes it.

    Args:
        value: What was parsed.
        text: What it was parsed from: most have no such escape, and are not searched.

    Raises:
        ValueError: If there is such a text.
    """
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = show(error.object[error.start])
            raise ValueError(
                f"a text holds {half}, half of a pair that is one character"
            ) from error


def guard_formula(text: str) -> str:
    """Return a text for a cell of a CSV file that no spreadsheet runs as a formula.

    Args:
        text: A name or a label, not a number.

    Returns:
        The text on one printable line, with an apostrophe before it if it begins like a formula.
    """
    shown = on_one_line(text)
    return f"'{shown}" if shown.lstrip()[:1] in _FORMULA_STARTS else shown
