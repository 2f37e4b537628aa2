"""An explanation as a picture: streams as lanes, the order of issue to the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .. import drawing
from ..drawing import ACCENT, INK, KERNEL, FancyBboxPatch, Figure, Patch
from .model import Graph, Step
from .text import shortened

Arrow = tuple[int, int, int, int]  # from a step and a row to a step and a row

_HOST = "#7A7A7A"
_HALF = 0.19  # of the height of a box
_WIDTH, _WIDEST = 1.5, 400.0  # inches, for a step and for all
_LETTERS = 15  # that fit a line of a step


def draw(name: str, graphs: Sequence[Graph]) -> Figure:
    """Return a figure of all graphs of a function, one after the other."""
    return _Picture(name, graphs).figure


class _Picture:
    def __init__(self, name: str, graphs: Sequence[Graph]) -> None:
        lanes = (stream for graph in graphs for stream in graph.streams)
        self.rows = {name: row for row, name in enumerate(dict.fromkeys(lanes))}
        count = sum(len(graph.steps) for graph in graphs)
        size = (min(max(7.0, 2.2 + _WIDTH * count), _WIDEST), 1.8 + 1.15 * len(self.rows))
        self.figure = drawing.new_figure(size, dpi=120)
        self.axes = self.figure.add_subplot()
        self._prepare(name, count)
        start = 0
        for graph in graphs:
            if start:
                self.axes.axvline(start - 0.5, color=INK, linewidth=1.2, linestyle=(0, (2, 2)))
                self._note(start - 0.46, "graph break")
            self._graph(graph, start)
            start += len(graph.steps)

    def _prepare(self, name: str, count: int) -> None:
        axes = self.axes
        drawing.draw_rows(axes, list(self.rows), name)
        axes.spines["bottom"].set_visible(False)
        axes.set_ylim(len(self.rows) - 0.4, -0.75)
        axes.set_xlim(-0.6, max(count, 1) - 0.4)
        axes.set_xticks([])
        axes.set_xlabel("order of issue", color=_HOST)
        axes.legend(
            handles=list(_legend()),
            loc="upper center",
            bbox_to_anchor=(0.5, -0.08 - 0.1 / len(self.rows)),
            ncols=4,
            frameon=False,
        )

    def _graph(self, graph: Graph, start: int) -> None:
        backward = [i for i, step in enumerate(graph.steps, start) if step.backward]
        if backward:
            self.axes.axvspan(backward[0] - 0.5, backward[-1] + 0.5, color="#F4F1E8", zorder=-1)
            self._note(backward[0] - 0.46, "backward")
        arrows = list(self._arrows(graph, start))
        for arrow in arrows:
            self._arrow(*arrow)
        # A label is on the side of its mark where no arrow is.
        above = {(x, y) for arrow in arrows for x, y, to_y in _ends(*arrow) if to_y > y}
        for x, step in enumerate(graph.steps, start):
            self._step(step, x, -1 if (x, self.rows[step.stream]) in above else 1)

    def _arrows(self, graph: Graph, start: int) -> Iterator[Arrow]:
        for x, step in enumerate(graph.steps, start):
            y = self.rows[step.stream]
            if step.recorded_at is not None:
                recorded = graph.steps[step.recorded_at]
                yield start + step.recorded_at, self.rows[recorded.stream], x, y
            elif step.other is not None:
                yield x, self.rows[step.other], x, y

    def _note(self, x: float, text: str) -> None:
        self.axes.text(x, -0.7, text, fontsize=8, color=_HOST, va="top")

    def _step(self, step: Step, x: int, side: int) -> None:
        y = self.rows[step.stream]
        if step.kind == "compute":
            self._box(x, y, _wrapped(shortened(step.names)))
            return
        color = _HOST if step.kind in ("host", "other") else ACCENT
        if step.kind == "host":
            self.axes.axvline(x, color=_HOST, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
        marker = {"record": "D", "wait": ">"}.get(step.kind, "s")
        self.axes.plot(x, y, marker=marker, markersize=9, color=color, mec="white", zorder=4)
        text = _wrapped(step.names[0])
        align = "top" if side > 0 else "bottom"
        self.axes.text(x, y + side * 0.2, text, size=7.5, ha="center", va=align, color=color)

    def _box(self, x: int, y: int, text: str) -> None:
        shape = "round,pad=0.02,rounding_size=0.06"
        corner = (x - 0.4, y - _HALF)
        self.axes.add_patch(
            FancyBboxPatch(corner, 0.8, 2 * _HALF, boxstyle=shape, color=KERNEL, lw=0, zorder=2)
        )
        self.axes.text(x, y, text, fontsize=7.5, ha="center", va="center", color="white", zorder=5)

    def _arrow(self, x: int, y: int, to_x: int, to_y: int) -> None:
        drawing.draw_arrow(
            self.axes,
            (x, y),
            (to_x, to_y),
            mutation_scale=12,
            shrinkA=6,
            shrinkB=6,
            connectionstyle="arc3,rad=0" if y != to_y else "arc3,rad=-0.3",
        )


def _ends(x: int, y: int, to_x: int, to_y: int) -> Iterator[tuple[int, int, int]]:
    """Yield of each end of an arrow its place, and the row of the other end."""
    yield x, y, to_y
    yield to_x, to_y, y


def _wrapped(text: str) -> str:
    """Break a text between words into lines that a step has room for."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= _LETTERS:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _legend() -> Iterator[Any]:
    yield Patch(color=KERNEL, label="kernels")
    yield drawing.legend_mark("D", 6, ACCENT, "event recorded")
    yield drawing.legend_mark(">", 6, ACCENT, "wait")
    yield drawing.legend_mark("s", 6, _HOST, "host waits or reads")
