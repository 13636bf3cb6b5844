"""Pictures of architectures, and the same in words: what `Space.graphs` returns.

Nodes stand in a row, in their order; edges that pass over others are arcs.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from harness.errors import UsageError
from harness.files.atomic import write_atomically
from harness.report.plots import save_canvas
from harness.spaces.values import Graph

PICTURE_TYPES = ("png", "svg", "pdf")
_STEP_IN = 0.9
"""Between nodes."""
_BEND = 0.35
_LETTERS_IN = 14
_DPI = 200
_INK, _LINE = "#1C1F23", "#0072B2"


def save_picture(graphs: Sequence[Graph], title: str, path: Path) -> None:
    """Draw graphs side by side into a file.

    Args:
        graphs: The graphs, at least one.
        title: What stands above them.
        path: The file; its ending is one of `PICTURE_TYPES`.

    Raises:
        UsageError: If the ending is another.
        StoreError: If the file cannot be written.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in PICTURE_TYPES:
        raise UsageError(
            f"The picture '{path}' was asked for; pictures end in "
            f"{', '.join(f'.{name}' for name in PICTURE_TYPES)}. Give --out another name."
        )
    write_atomically(path, partial(_save, graphs, title, kind))


def _save(graphs: Sequence[Graph], title: str, kind: str, path: Path) -> None:
    save_canvas(lambda: _draw(graphs, title), kind, {"Title": title}, path, _DPI)


def _draw(graphs: Sequence[Graph], title: str) -> Canvas:
    widths = [_STEP_IN * len(graph.nodes) for graph in graphs]
    width, reach = sum(widths) + 0.4, max(map(_reach, graphs))
    lines = textwrap.wrap(title, int(_LETTERS_IN * width))
    height = 2 * reach * _STEP_IN + 0.4 + 0.15 * len(lines)
    canvas = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(canvas)
    canvas.suptitle("\n".join(lines))
    panels = canvas.subplots(1, len(graphs), squeeze=False, width_ratios=widths)[0]
    for panel, graph in zip(panels, graphs, strict=True):
        _fill(panel, graph, reach)
    return canvas


def _reach(graph: Graph) -> float:
    """Return how far a graph reaches above and below its row."""
    longest = max((target - source for source, target, _ in graph.edges), default=0)
    # half of the bend is how far an arc stands out, by its length
    return _BEND / 2 * longest + 0.3


def _fill(panel: Axes, graph: Graph, reach: float) -> None:
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": _INK, "linewidth": 0.6}
    boxes = [
        panel.text(x, 0, label, ha="center", va="center", fontsize=6, color=_INK, bbox=box)
        for x, label in enumerate(graph.nodes)
    ]
    for source, target, label in graph.edges:
        # an edge that passes over nodes bends out of their way
        bend = 0.0 if target - source == 1 else _BEND if source % 2 else -_BEND
        form = {
            "arrowstyle": "-|>",
            "connectionstyle": f"arc3,rad={bend}",
            "color": _LINE,
            "linewidth": 0.8,
            "patchA": boxes[source].get_bbox_patch(),
            "patchB": boxes[target].get_bbox_patch(),
        }
        panel.annotate("", (target, 0), (source, 0), arrowprops=form)
        middle = ((source + target) / 2, -bend * (target - source) / 2)
        over = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        if label:
            panel.text(*middle, label, ha="center", va="center", fontsize=5, color=_LINE, bbox=over)
    panel.set_title(graph.title)
    panel.set_axis_off()
    panel.set_xlim(-0.5, len(graph.nodes) - 0.5)
    panel.set_ylim(-reach, reach)
    panel.set_aspect("equal")


def write_graph(graph: Graph) -> Iterator[str]:
    """Yield lines that say what each node of a graph reads."""
    yield f"{graph.title}:"
    for target, name in enumerate(graph.nodes):
        edges = [(graph.nodes[s], label) for s, t, label in graph.edges if t == target]
        reads = ", ".join(f"{label} of {source}" if label else source for source, label in edges)
        yield f"  {name}" + (f" <- {reads}" if reads else "")
