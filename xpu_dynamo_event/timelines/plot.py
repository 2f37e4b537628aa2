"""A timeline as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import drawing
from ..colors import ACCENT, COPY, KERNEL
from ..drawing import Axes, Figure, Patch
from . import density
from .model import EventMark, Lane, Log, Side, Wait
from .summary import devices, row_names

_US_PER_MS = 1000.0
_SHORTEST_US = 1.0  # shown of a timeline that is one instant
_BAR_HEIGHT = 0.5
_FONT_SIZE = 6.5
_CHARACTER_WIDTH = 0.62  # of the font size, on average
_FEWEST_CHARACTERS = 7
_PIXELS = 1700  # of the axes, about
_OUTLINED = 4  # pixels: a narrower bar would be all outline
_NUMBER_WIDTH = 22  # pixels: records that are closer do not all get their number
_COLORS = {"kernel": KERNEL, "copy": COPY}


def draw(sides: Sequence[Side]) -> Figure:
    """Return a figure: streams as rows, time in ms to the right.

    Args:
        sides: What was recorded, drawn one below the other at the same scale.
    """
    rows = [len(side.log.names) for side in sides]
    heights = [0.5 + 0.9 * count for count in rows]
    figure = drawing.new_figure((12, 0.9 + sum(heights)), dpi=160)
    axes = figure.subplots(len(sides), height_ratios=heights, sharex=True, squeeze=False)[:, 0]
    pixel = _length([side.log for side in sides]) / _PIXELS
    pictures = [_Picture(side, place, pixel) for side, place in zip(sides, axes, strict=True)]
    _finish([side.log for side in sides], list(axes))
    entries = _legend([side.log for side in sides])
    figure.legend(handles=entries, loc="outside lower center", ncols=len(entries), frameon=False)
    figure.draw_without_rendering()  # only now is it known how wide a bar is
    for picture in pictures:
        picture.label_bars(figure.dpi)
    return figure


class _Picture:
    def __init__(self, side: Side, axes: Axes, pixel: float) -> None:
        self.log = side.log
        self.axes = axes
        self.pixel = pixel
        self.begin, _ = side.log.span()
        self.rows = {lane: row for row, lane in enumerate(side.log.names)}
        self.blocks = density.blocks(side.log.tasks, pixel)
        self._prepare_axes(side.name)
        self._bars()
        waits, records = density.longest(self.log)
        sides = self._sides(waits)
        for mark in records:
            self._record(mark, sides.get(mark, -1))
        for mark in self._with_room(records):
            self._number(mark, sides.get(mark, -1))
        for pair in waits:
            self._arrow(pair.record, pair.wait, sides[pair.record])

    def label_bars(self, dpi: float) -> None:
        """Write names into the bars, as much of each as there is room for."""
        character = _FONT_SIZE / 72 * dpi * _CHARACTER_WIDTH
        for block in self.blocks:
            left, right = (self._pixel(time) for time in (block.start, block.end))
            if name := _shortened(_label(block), int((right - left) / character)):
                self._text(block, name)

    def _prepare_axes(self, name: str) -> None:
        title = f"{name}   {devices(self.log)}" if name else devices(self.log)
        drawing.draw_rows(self.axes, row_names(self.log), title)
        self.axes.set_ylim(len(self.rows) - 0.5, -0.6)

    def _bars(self) -> None:
        mixed = _mixed(self.blocks)
        for lane, kind in dict.fromkeys((block.lane, block.kind) for block in self.blocks):
            own = [block for block in self.blocks if (block.lane, block.kind) == (lane, kind)]
            # Many of both kinds, in one bar each, would hide each other.
            height = _BAR_HEIGHT / 2 if lane in mixed and kind == "copy" else _BAR_HEIGHT
            self.axes.broken_barh(
                [(self._ms(each.start), (each.end - each.start) / _US_PER_MS) for each in own],
                (self.rows[lane] - height / 2, height),
                facecolors=_COLORS[kind],
                edgecolors=[self._outline(each) for each in own],
                linewidth=0.4,  # keeps a bar visible that is shorter than a pixel
                zorder=2,
            )

    def _outline(self, block: density.Block) -> str:
        wide = block.end - block.start > _OUTLINED * self.pixel
        return "white" if wide and block.kind == "kernel" else _COLORS[block.kind]

    def _record(self, mark: EventMark, side: int) -> None:
        x, y = self._ms(mark.time), self._edge(mark, side)
        self.axes.plot(x, y, marker="D", markersize=5, color=ACCENT, mec="white", zorder=4)

    def _with_room(self, records: Sequence[EventMark]) -> list[EventMark]:
        """Return the records that are far enough from the one before on their stream."""
        ends: dict[Lane, float] = {}
        found = []
        for mark in sorted(records, key=lambda mark: mark.time):
            if mark.time >= ends.get(mark.lane, mark.time):
                ends[mark.lane] = mark.time + _NUMBER_WIDTH * self.pixel
                found.append(mark)
        return found

    def _number(self, mark: EventMark, side: int) -> None:
        """Write which event was recorded; arrows leave to the right, so it stands to the left."""
        self.axes.annotate(
            str(mark.event),
            (self._ms(mark.time), self._edge(mark, side)),
            xytext=(-4, -2 * side),
            textcoords="offset points",
            ha="right",
            va="top" if side > 0 else "bottom",
            fontsize=_FONT_SIZE,
            color=ACCENT,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.2},
            zorder=5,
        )

    def _arrow(self, record: EventMark, wait: EventMark, side: int) -> None:
        drawing.draw_arrow(
            self.axes,
            (self._ms(record.time), self._edge(record, side)),
            (self._ms(wait.time), self._edge(wait, -side)),
            mutation_scale=9,
            shrinkA=2,
            shrinkB=0,
        )

    def _sides(self, waits: Sequence[Wait]) -> dict[EventMark, int]:
        """For each record that is waited for, 1 if the first such wait is further down, else -1."""
        sides: dict[EventMark, int] = {}
        for pair in waits:
            down = self.rows[pair.wait.lane] > self.rows[pair.record.lane]
            sides.setdefault(pair.record, 1 if down else -1)
        return sides

    def _edge(self, mark: EventMark, side: int) -> float:
        return self.rows[mark.lane] + side * _BAR_HEIGHT / 2

    def _text(self, block: density.Block, name: str) -> None:
        self.axes.text(
            self._ms((block.start + block.end) / 2),
            self.rows[block.lane],
            name,
            ha="center",
            va="center",
            fontsize=_FONT_SIZE,
            color="white",
            zorder=5,
        )

    def _ms(self, time: float) -> float:
        """Return the time since the first stream began."""
        return (time - self.begin) / _US_PER_MS

    def _pixel(self, time: float) -> float:
        return float(self.axes.transData.transform((self._ms(time), 0))[0])


def _finish(logs: Sequence[Log], axes: Sequence[Axes]) -> None:
    """Scale and label what all pictures share."""
    end = _length(logs) / _US_PER_MS
    axes[-1].set_xlim(-0.01 * end, 1.01 * end)
    axes[-1].set_xlabel("time / ms")


def _length(logs: Sequence[Log]) -> float:
    """Return how long the longest of the timelines is, in us."""
    spans = [log.span() for log in logs]
    return max(_SHORTEST_US, *(end - begin for begin, end in spans))


def _legend(logs: Sequence[Log]) -> list[Any]:
    """Return an entry for each kind of mark that there is."""
    kinds = {task.kind for log in logs for task in log.tasks}
    entries: list[Any] = [
        Patch(color=color, label=kind) for kind, color in _COLORS.items() if kind in kinds
    ]
    shown = [density.longest(log) for log in logs]
    if any(records for _, records in shown):
        entries.append(drawing.legend_mark("D", 5, ACCENT, "event recorded, its number"))
    if waits := sum(len(waits) for waits, _ in shown):
        every = sum(len(log.waits()) for log in logs)
        label = "wait" if waits == every else f"wait (the {waits} longest of {every:,})"
        entries.append(drawing.legend_mark(r"$\rightarrow$", 13, ACCENT, label))
    notes = dict.fromkeys(note for log in logs for note in log.notes)
    return entries + [Patch(color="none", label=note) for note in notes]


def _mixed(blocks: Sequence[density.Block]) -> set[Lane]:
    """Return the streams with bars of many tasks, and with tasks of both kinds."""
    kinds = {(block.lane, block.kind) for block in blocks}
    many = {block.lane for block in blocks if len(block.names) > 1}
    return {lane for lane in many if {(lane, "kernel"), (lane, "copy")} <= kinds}


def _label(block: density.Block) -> str:
    """Return what is written into a bar: the name of the task, or how many there are."""
    if len(block.names) > 1:
        plural = "kernels" if block.kind == "kernel" else "copies"
        return f"{len(block.names)} {plural}"
    return block.names[0].removeprefix("aten::").removeprefix("cpp_fused_")


def _shortened(name: str, room: int) -> str:
    """Return ``name`` in at most ``room`` characters, or nothing when too little would be left."""
    if len(name) <= room:
        return name
    return name[: room - 1] + "…" if room >= _FEWEST_CHARACTERS else ""
