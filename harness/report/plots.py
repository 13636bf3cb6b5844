"""The figures of a report for print: PDF and SVG, one column wide.

matplotlib's global state (pyplot, the current backend) is not touched, and the same report gives
the same bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from harness.files.atomic import make_folder, write_atomically
from harness.report.contents import Contents
from harness.report.drawing import draw
from harness.report.figure import Figure
from harness.report.figures import make_figures

FILE_TYPES = ("pdf", "svg")
CAPTIONS = "captions.txt"

_PRINT: dict[Any, Any] = {
    "pdf.fonttype": 42,  # TrueType: what journals ask for, and text stays text
    "svg.fonttype": "path",  # looks alike where the font is missing
    "svg.hashsalt": "harness",
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8.0,
    "axes.unicode_minus": True,
    "savefig.dpi": 400,  # of points drawn as pixels
    "text.usetex": False,
    "text.parse_math": False,  # a label with dollar signs is not a formula
}


def save_plots(report: Contents, folder: Path) -> list[Path]:
    """Draw every figure of a report into files.

    Args:
        report: The report.
        folder: Where they go; created if missing. Files of the same names are replaced.

    Returns:
        The files: for each figure a PDF and an SVG, then the captions of all.

    Raises:
        StoreError: If the folder cannot be made, or a file cannot be written.
    """
    return save_figures(make_figures(report), report.places, folder)


def save_figures(figures: Sequence[Figure], places: dict[str, int], folder: Path) -> list[Path]:
    """Draw figures into files, as `save_plots` does.

    Args:
        figures: What is drawn.
        places: Of each label, its place among all, which decides its colour.
        folder: As for `save_plots`.
    """
    make_folder(folder, "--plots")
    written = []
    for figure in figures:
        for file_format in FILE_TYPES:
            path = folder / f"{figure.name}.{file_format}"
            write_atomically(path, partial(_save, figure, places, file_format))
            written.append(path)
    captions = folder / CAPTIONS
    write_atomically(captions, "\n".join(map(_caption, figures)))
    return [*written, captions]


def _caption(figure: Figure) -> str:
    lines = [figure.name, f"  {figure.title}", f"  {figure.caption}"]
    lines += [f"  - {series.label}" for series in figure.series]
    return "\n".join(lines) + "\n"


def _save(figure: Figure, places: dict[str, int], file_format: str, path: Path) -> None:
    about = "Subject" if file_format == "pdf" else "Description"
    metadata = {"Title": figure.title, "Creator": "harness", about: figure.caption}
    save_canvas(lambda: draw(figure, places), file_format, metadata, path)


def save_canvas(
    make: Callable[[], Canvas],
    file_format: str,
    metadata: dict[str, str],
    path: Path,
    dpi: int | None = None,
) -> None:
    """Write a drawing in the settings of print, without a date: equal ones give equal files.

    Args:
        make: Draws it.
        file_format: pdf, svg or png.
        metadata: What the file says of itself, by matplotlib's names.
        path: The file.
        dpi: Of what is drawn as pixels, where it is not that of print.
    """
    dates = {"pdf": ("CreationDate",), "svg": ("Date",)}
    without = dict.fromkeys(dates.get(file_format, ()))
    with mpl.rc_context(_PRINT), warnings.catch_warnings():
        # The font lacks some scripts; the captions hold the labels as they are.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        # Through memory: matplotlib hides a full disk behind its own error.
        content = io.BytesIO()
        make().savefig(content, format=file_format, dpi=dpi, metadata={**metadata, **without})
    path.write_bytes(content.getvalue())
