"""Showing what came from outside: a value in a message can neither hide nor command a terminal."""

from __future__ import annotations

_LONGEST = 80


def show(value: object, longest: int = _LONGEST) -> str:
    """Return a value as one line of printable text.

    Args:
        value: Anything, such as a cell of somebody's file.
        longest: Most characters of it, at least 4.

    Returns:
        Its text; what does not print (line breaks, escape codes, marks that turn the direction of
        writing) is written as a Python escape, and what is too long is cut.
    """
    text = str(value)
    if len(text) > longest:
        text = text[: longest - 3] + "..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
