"""An explanation as a picture: streams as lanes, the order of issue to the right.

Many steps are broken into lines like the words of a text. Steps have the numbers that the printed
explanation gives them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .. import drawing
from ..colors import ACCENT, INK, KERNEL
from ..drawing import FancyBboxPatch, Figure, Patch
from .model import Graph, Kind
from .text import shortened

_HOST = "#7A7A7A"
_HALF = 0.19  # of the height of a box
_WIDTH, _MARGIN = 1.5, 2.2  # inches, for a step and beside all of them
_PER_LINE = 11  # steps, so that a picture is less than 2,400 pixels wide
_LETTERS = 15  # that fit a line of a step


class _Place(NamedTuple):
    """Where something is: the number of the step in all graphs, and the row of its stream."""

    step: int
    row: int


class _Arrow(NamedTuple):
    """From what is waited for to the wait."""

    begin: _Place
    end: _Place

    @property
    def is_in_a_line(self) -> bool:
        """Whether both ends are in one line of the picture."""
        return self.begin.step // _PER_LINE == self.end.step // _PER_LINE


def draw(name: str, graphs: Sequence[Graph]) -> Figure:
    """Return a figure of all graphs of a function, one after the other."""
    return _Picture(name, graphs).figure


class _Picture:
    def __init__(self, name: str, graphs: Sequence[Graph]) -> None:
        self.steps = [step for graph in graphs for step in graph.steps]
        lanes = (stream for graph in graphs for stream in graph.streams)
        self.rows = {name: row for row, name in enumerate(dict.fromkeys(lanes))}
        self.lines = max(1, -(-len(self.steps) // _PER_LINE))
        columns = min(max(len(self.steps), 3), _PER_LINE)
        height = 0.65 + 1.15 * (self.lines * (len(self.rows) + 1))
        self.figure = drawing.new_figure((_MARGIN + _WIDTH * columns, height), dpi=120)
        self.axes = self.figure.add_subplot()
        self._prepare(name, columns)
        start = 0
        for graph in graphs:
            if start:
                self._break(start)
            self._graph(graph, start)
            start += len(graph.steps)

    def _prepare(self, name: str, columns: int) -> None:
        axes = self.axes
        names = [*self.rows, ""] * self.lines
        drawing.draw_rows(axes, names[:-1], name)
        axes.spines["bottom"].set_visible(False)
        axes.set_ylim(len(names) - 1.4, -0.75)
        axes.set_xlim(-0.6, columns - 0.4)
        axes.set_xticks([])
        axes.set_xlabel("order of issue", color=_HOST)
        axes.legend(
            handles=list(_legend({step.kind for step in self.steps})),
            loc="upper center",
            bbox_to_anchor=(0.5, -0.18 / len(names)),
            ncols=4,
            frameon=False,
        )

    # ---- places

    def _xy(self, place: _Place) -> drawing.Point:
        line, column = divmod(place.step, _PER_LINE)
        return column, line * (len(self.rows) + 1) + place.row

    def _place(self, index: int) -> _Place:
        return _Place(index, self.rows[self.steps[index].stream])

    def _band(self, index: int) -> tuple[float, float]:
        """Return the top and the bottom of the line of a step."""
        top = self._xy(_Place(index, 0))[1]
        return top - 0.7, top + len(self.rows) - 0.45

    # ---- marks

    def _break(self, index: int) -> None:
        x = self._xy(_Place(index, 0))[0] - 0.5
        style: dict[str, Any] = {"color": INK, "linewidth": 1.2, "linestyle": (0, (2, 2))}
        self.axes.plot((x, x), self._band(index), **style)
        self._note(index, "graph break")

    def _graph(self, graph: Graph, start: int) -> None:
        backward = [i for i, step in enumerate(graph.steps, start) if step.backward]
        for line in _lines(backward):
            self._shade(line)
        if backward:
            self._note(backward[0], "backward")
        arrows = list(self._arrows(graph, start))
        for arrow in arrows:
            self._arrow(arrow, start)
        # A label is on the side of its mark where no arrow is.
        below = set(_lower_ends(arrows))
        for number, index in enumerate(range(start, start + len(graph.steps)), 1):
            self._number(index, number)
            self._step(index, -1 if self._place(index) in below else 1)

    def _arrows(self, graph: Graph, start: int) -> Iterator[_Arrow]:
        for index, step in enumerate(graph.steps, start):
            if step.recorded_at is not None:
                yield _Arrow(self._place(start + step.recorded_at), self._place(index))
            elif step.other is not None:
                yield _Arrow(_Place(index, self.rows[step.other]), self._place(index))

    def _shade(self, steps: Sequence[int]) -> None:
        left, right = (self._xy(_Place(i, 0))[0] for i in (steps[0], steps[-1]))
        columns = (left - 0.5, right + 0.5)
        self.axes.fill_between(columns, *self._band(steps[0]), color="#F4F1E8", zorder=-1, lw=0)

    def _note(self, index: int, text: str) -> None:
        x, y = self._xy(_Place(index, 0))
        self.axes.text(x - 0.46, y - 0.7, text, fontsize=8, color=_HOST, va="top")

    def _number(self, index: int, number: int) -> None:
        x, _ = self._xy(_Place(index, 0))
        bottom = self._band(index)[1]
        place: dict[str, Any] = {"ha": "center", "va": "bottom", "size": 7, "color": _HOST}
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # over the line of the host
        self.axes.text(x, bottom, str(number), bbox=box, **place)

    def _step(self, index: int, side: int) -> None:
        step, (x, y) = self.steps[index], self._xy(self._place(index))
        if step.kind == "compute":
            self._box(x, y, _wrapped(shortened(step.names)))
            return
        color = _HOST if step.kind in ("host", "other") else ACCENT
        if step.kind == "host":
            style: dict[str, Any] = {"color": _HOST, "linewidth": 1.0, "linestyle": (0, (4, 3))}
            self.axes.plot((x, x), self._band(index), zorder=0, **style)
        marker = {"record": "D", "wait": ">", "other": "o"}.get(step.kind, "s")
        self.axes.plot(x, y, marker=marker, markersize=9, color=color, mec="white", zorder=4)
        text = _wrapped(step.names[0])
        align = "top" if side > 0 else "bottom"
        self.axes.text(x, y + side * 0.2, text, size=7.5, ha="center", va=align, color=color)

    def _box(self, x: float, y: float, text: str) -> None:
        shape = "round,pad=0.02,rounding_size=0.06"
        corner = (x - 0.4, y - _HALF)
        self.axes.add_patch(
            FancyBboxPatch(corner, 0.8, 2 * _HALF, boxstyle=shape, color=KERNEL, lw=0, zorder=2)
        )
        self.axes.text(x, y, text, fontsize=7.5, ha="center", va="center", color="white", zorder=5)

    def _arrow(self, arrow: _Arrow, start: int) -> None:
        begin, end = self._xy(arrow.begin), self._xy(arrow.end)
        if not arrow.is_in_a_line:
            begin = (end[0] - 0.5, end[1])
            number = arrow.begin.step - start + 1
            x, y = begin[0], begin[1] - 0.05
            self.axes.text(x, y, f"from {number}", size=7, ha="left", va="bottom", color=ACCENT)
        drawing.draw_arrow(
            self.axes,
            begin,
            end,
            mutation_scale=12,
            shrinkA=6 if arrow.is_in_a_line else 0,
            shrinkB=6,
            connectionstyle="arc3,rad=-0.3" if self._is_flat(arrow) else "arc3,rad=0",
        )

    def _is_flat(self, arrow: _Arrow) -> bool:
        return arrow.is_in_a_line and arrow.begin.row == arrow.end.row


def _lines(steps: Sequence[int]) -> Iterator[list[int]]:
    """Yield the steps, by the lines that they are in."""
    for _, line in itertools.groupby(steps, key=lambda step: step // _PER_LINE):
        yield list(line)


def _lower_ends(arrows: Sequence[_Arrow]) -> Iterator[_Place]:
    """Yield the ends of arrows from which the arrow leads down."""
    for arrow in arrows:
        if arrow.is_in_a_line and arrow.begin.row != arrow.end.row:
            yield min(arrow, key=lambda place: place.row)


def _wrapped(text: str) -> str:
    """Break a text between words into lines that a step has room for."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= _LETTERS:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _legend(kinds: set[Kind]) -> Iterator[Any]:
    """Yield an entry for each kind of step that there is."""
    marks: dict[Kind, Any] = {
        "compute": Patch(color=KERNEL, label="kernels"),
        "record": drawing.legend_mark("D", 6, ACCENT, "event recorded"),
        "wait": drawing.legend_mark(">", 6, ACCENT, "wait"),
        "host": drawing.legend_mark("s", 6, _HOST, "host waits or reads"),
        "other": drawing.legend_mark("o", 6, _HOST, "other event operation"),
    }
    yield from (mark for kind, mark in marks.items() if kind in kinds)
