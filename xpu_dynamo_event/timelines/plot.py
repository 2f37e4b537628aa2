"""A timeline as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .. import drawing
from ..drawing import ACCENT, Axes, Figure, Patch
from .model import EventMark, Log, Side, Task

_US_PER_MS = 1000.0
_SHORTEST_US = 1.0  # shown of a timeline that is one instant
_BAR_HEIGHT = 0.5
_FONT_SIZE = 6.5
_CHARACTER_WIDTH = 0.62  # of the font size, on average
_FEWEST_CHARACTERS = 7
_COLORS = {"kernel": drawing.KERNEL, "copy": "#F58518"}


def draw(sides: Sequence[Side]) -> Figure:
    """Return a figure: streams as rows, time in ms to the right.

    Args:
        sides: What was recorded, drawn one below the other at the same scale.
    """
    rows = [len(side.log.names) for side in sides]
    heights = [0.5 + 0.9 * count for count in rows]
    figure = drawing.new_figure((12, 0.9 + sum(heights)), dpi=160)
    axes = figure.subplots(len(sides), height_ratios=heights, sharex=True, squeeze=False)[:, 0]
    pictures = [_Picture(side, place) for side, place in zip(sides, axes, strict=True)]
    _finish([side.log for side in sides], list(axes))
    figure.draw_without_rendering()  # only now is it known how wide a bar is
    for picture in pictures:
        picture.label_bars(figure.dpi)
    return figure


class _Picture:
    def __init__(self, side: Side, axes: Axes) -> None:
        self.log = side.log
        self.axes = axes
        self.begin, _ = side.log.span()
        self.rows = {lane: row for row, lane in enumerate(side.log.names)}
        self._prepare_axes(side.name)
        for task in self.log.tasks:
            self._bar(task)
        sides = self._sides()
        for mark in self.log.marks:
            if mark.op == "record":
                self._record(mark, sides.get(mark, -1))
        for pair in self.log.waits():
            self._arrow(pair.record, pair.wait, sides[pair.record])

    def label_bars(self, dpi: float) -> None:
        """Write names into the bars, as much of each as there is room for."""
        character = _FONT_SIZE / 72 * dpi * _CHARACTER_WIDTH
        for task in self.log.tasks:
            left, right = (self._pixel(time) for time in (task.start, task.end))
            name = task.name.removeprefix("aten::").removeprefix("cpp_fused_")
            if name := _shortened(name, int((right - left) / character)):
                self._text(task, name)

    def _prepare_axes(self, name: str) -> None:
        title = f"{name}   {_devices(self.log)}" if name else _devices(self.log)
        drawing.draw_rows(self.axes, row_names(self.log), title)
        self.axes.set_ylim(len(self.rows) - 0.5, -0.6)

    def _bar(self, task: Task) -> None:
        # The outline keeps a bar visible that is shorter than a pixel.
        self.axes.barh(
            self.rows[task.lane],
            (task.end - task.start) / _US_PER_MS,
            left=self._ms(task.start),
            height=_BAR_HEIGHT,
            color=_COLORS[task.kind],
            edgecolor="white" if task.kind == "kernel" else _COLORS["copy"],
            linewidth=0.4,
            zorder=2,
        )

    def _record(self, mark: EventMark, side: int) -> None:
        x, y = self._ms(mark.time), self._edge(mark, side)
        self.axes.plot(x, y, marker="D", markersize=5, color=ACCENT, mec="white", zorder=4)

    def _arrow(self, record: EventMark, wait: EventMark, side: int) -> None:
        drawing.draw_arrow(
            self.axes,
            (self._ms(record.time), self._edge(record, side)),
            (self._ms(wait.time), self._edge(wait, -side)),
            mutation_scale=9,
            shrinkA=2,
            shrinkB=0,
        )

    def _sides(self) -> dict[EventMark, int]:
        """For each record that is waited for, 1 if the first such wait is further down, else -1."""
        sides: dict[EventMark, int] = {}
        for pair in self.log.waits():
            down = self.rows[pair.wait.lane] > self.rows[pair.record.lane]
            sides.setdefault(pair.record, 1 if down else -1)
        return sides

    def _edge(self, mark: EventMark, side: int) -> float:
        return self.rows[mark.lane] + side * _BAR_HEIGHT / 2

    def _text(self, task: Task, name: str) -> None:
        self.axes.text(
            self._ms((task.start + task.end) / 2),
            self.rows[task.lane],
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
    spans = [log.span() for log in logs]
    end = max(_SHORTEST_US, *(end - begin for begin, end in spans)) / _US_PER_MS
    axes[-1].set_xlim(-0.01 * end, 1.01 * end)
    axes[-1].set_xlabel("time / ms")
    entries = _legend(logs)
    axes[-1].legend(
        handles=entries,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.2),
        ncols=len(entries),
        frameon=False,
    )


def _legend(logs: Sequence[Log]) -> list[Any]:
    entries: list[Any] = [
        Patch(color=_COLORS["kernel"], label="kernel"),
        Patch(color=_COLORS["copy"], label="copy"),
    ]
    if any(log.marks for log in logs):
        entries.append(drawing.legend_mark("D", 5, ACCENT, "event recorded"))
        entries.append(drawing.legend_mark(r"$\rightarrow$", 13, ACCENT, "wait"))
    notes = dict.fromkeys(note for log in logs for note in log.notes)
    return entries + [Patch(color="none", label=note) for note in notes]


def _shortened(name: str, room: int) -> str:
    """Return ``name`` in at most ``room`` characters, or nothing when too little would be left."""
    if len(name) <= room:
        return name
    return name[: room - 1] + "…" if room >= _FEWEST_CHARACTERS else ""


def row_names(log: Log) -> list[str]:
    """Return the labels of the rows, with the device where there are several."""
    if len({lane.device for lane in log.names}) == 1:
        return list(log.names.values())
    return [f"xpu:{lane.device} {name}" for lane, name in log.names.items()]


def _devices(log: Log) -> str:
    devices = sorted({lane.device for lane in log.names})
    return ", ".join(f"xpu:{index} {torch.xpu.get_device_name(index)}" for index in devices)
