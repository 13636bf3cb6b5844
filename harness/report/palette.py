"""How estimators look in figures: one style each, by their place in `Report.labels`.

The colours, by Okabe and Ito, can be told apart with all common kinds of colour blindness. Lines
and markers differ too, so that a figure can be read in greyscale.
"""

from __future__ import annotations

from typing import NamedTuple


class Style(NamedTuple):
    """How one estimator looks.

    Attributes:
        print_colour: On paper, hexadecimal.
        light_colour: On a screen's light background; at least 3:1 against it.
        dark_colour: On a dark background; at least 3:1 too.
        dash: Lengths of marks and gaps, in line widths; empty for a solid line.
        marker: The point, as matplotlib spells it.
    """

    print_colour: str
    light_colour: str
    dark_colour: str
    dash: tuple[float, ...]
    marker: str


_COLOURS = (
    ("#0072B2", "#0072B2", "#4DA9E0"),  # blue
    ("#D55E00", "#C65200", "#F58A3C"),  # vermillion
    ("#009E73", "#00805D", "#2FC79B"),  # bluish green
    ("#CC79A7", "#B0568A", "#DE94BD"),  # reddish purple
    ("#000000", "#1C1F23", "#E8EAED"),  # black
    ("#56B4E9", "#2A86BB", "#8CCBF0"),  # sky blue
    ("#E69F00", "#A87400", "#E9B13C"),  # orange
    ("#8A8300", "#7C7600", "#F0E442"),  # yellow, darkened on a white background
)
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1, 1.5), (6, 2, 1, 2), (3, 1.5))
_MARKERS = "os^DvPX*"


def style_of(place: int) -> Style:
    """Return the style of the estimator at a place, from 0.

    The first 40 differ in colour or line; later ones only by their labels.
    """
    # Colours repeat after eight; dashes are five, so that the pair does not.
    return Style(
        *_COLOURS[place % len(_COLOURS)],
        _DASHES[place % len(_DASHES)],
        _MARKERS[(place + place // len(_COLOURS)) % len(_MARKERS)],
    )
