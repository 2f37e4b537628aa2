"""A timeline as a picture."""

from __future__ import annotations

from typing import Any

import torch

from .model import EventMark, Log, Task

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch, Patch
except ImportError as error:
    raise ImportError(
        "save_plot() draws with matplotlib, which is not installed. Install it with the extra "
        '`pip install "xpu-dynamo-event[demo]"`, or use save_trace(), which needs nothing.'
    ) from error

_US_PER_MS = 1000.0
_BAR_HEIGHT = 0.5
_FONT_SIZE = 6.5
_CHARACTER_WIDTH = 0.62  # of the font size, on average
_FEWEST_CHARACTERS = 7
_COLORS = {"kernel": "#4C78A8", "copy": "#F58518"}
_INK, _FAINT, _ACCENT = "#222222", "#D9D9D9", "#B0306A"


def draw(log: Log) -> Figure:
    """Return a figure: streams as rows, time in ms to the right.

    Args:
        log: What was recorded.
    """
    return _Picture(log).figure


class _Picture:
    def __init__(self, log: Log) -> None:
        self.log = log
        self.rows = {lane: row for row, lane in enumerate(log.names)}
        size = (12, 1.4 + 0.9 * len(self.rows))
        self.figure = Figure(figsize=size, dpi=160, layout="constrained")
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_subplot()
        self._prepare_axes()
        for task in log.tasks:
            self._bar(task)
        sides = self._sides()
        for mark in log.marks:
            if mark.op == "record":
                self._record(mark, sides.get(mark, -1))
        for pair in log.waits():
            self._arrow(pair.record, pair.wait, sides[pair.record])
        self._label_bars()
        self._legend()

    def _prepare_axes(self) -> None:
        axes = self.axes
        axes.set_yticks(range(len(self.rows)), row_names(self.log), fontsize=11)
        axes.set_ylim(len(self.rows) - 0.5, -0.6)
        end = max([t.end for t in self.log.tasks] + [m.time for m in self.log.marks]) / _US_PER_MS
        axes.set_xlim(-0.01 * end, 1.01 * end)
        axes.set_xlabel("time / ms")
        axes.set_title(_title(self.log), loc="left", fontsize=11, color=_INK)
        for row in self.rows.values():
            axes.axhline(row, color=_FAINT, linewidth=0.8, zorder=0)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(axis="y", length=0)

    def _bar(self, task: Task) -> None:
        # The outline keeps a bar visible that is shorter than a pixel.
        self.axes.barh(
            self.rows[task.lane],
            (task.end - task.start) / _US_PER_MS,
            left=task.start / _US_PER_MS,
            height=_BAR_HEIGHT,
            color=_COLORS[task.kind],
            edgecolor="white" if task.kind == "kernel" else _COLORS["copy"],
            linewidth=0.4,
            zorder=2,
        )

    def _record(self, mark: EventMark, side: int) -> None:
        x, y = mark.time / _US_PER_MS, self._edge(mark, side)
        self.axes.plot(x, y, marker="D", markersize=5, color=_ACCENT, mec="white", zorder=4)

    def _arrow(self, record: EventMark, wait: EventMark, side: int) -> None:
        arrow = FancyArrowPatch(
            (record.time / _US_PER_MS, self._edge(record, side)),
            (wait.time / _US_PER_MS, self._edge(wait, -side)),
            arrowstyle="-|>",
            mutation_scale=9,
            color=_ACCENT,
            linewidth=1.2,
            shrinkA=2,
            shrinkB=0,
            zorder=3,
        )
        self.axes.add_patch(arrow)

    def _sides(self) -> dict[EventMark, int]:
        """For each record that is waited for, 1 if the first such wait is further down, else -1."""
        sides: dict[EventMark, int] = {}
        for pair in self.log.waits():
            down = self.rows[pair.wait.lane] > self.rows[pair.record.lane]
            sides.setdefault(pair.record, 1 if down else -1)
        return sides

    def _edge(self, mark: EventMark, side: int) -> float:
        return self.rows[mark.lane] + side * _BAR_HEIGHT / 2

    def _label_bars(self) -> None:
        """Write names into the bars, as much of each as there is room for."""
        self.figure.draw_without_rendering()  # only now is it known how wide a bar is
        character = _FONT_SIZE / 72 * self.figure.dpi * _CHARACTER_WIDTH
        for task in self.log.tasks:
            left, right = (self._pixel(time) for time in (task.start, task.end))
            name = task.name.removeprefix("aten::").removeprefix("cpp_fused_")
            if name := _shortened(name, int((right - left) / character)):
                self._text(task, name)

    def _text(self, task: Task, name: str) -> None:
        self.axes.text(
            (task.start + task.end) / 2 / _US_PER_MS,
            self.rows[task.lane],
            name,
            ha="center",
            va="center",
            fontsize=_FONT_SIZE,
            color="white",
            zorder=5,
        )

    def _pixel(self, time: float) -> float:
        return float(self.axes.transData.transform((time / _US_PER_MS, 0))[0])

    def _legend(self) -> None:
        entries: list[Any] = [
            Patch(color=_COLORS["kernel"], label="kernel"),
            Patch(color=_COLORS["copy"], label="copy"),
        ]
        if self.log.marks:
            entries.append(_legend_mark("D", 5, "event recorded"))
            entries.append(_legend_mark(r"$\rightarrow$", 13, "wait"))
        entries += [Patch(color="none", label=note) for note in self.log.notes]
        self.axes.legend(
            handles=entries,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.2),
            ncols=len(entries),
            frameon=False,
        )


def _shortened(name: str, room: int) -> str:
    """Return ``name`` in at most ``room`` characters, or nothing when too little would be left."""
    if len(name) <= room:
        return name
    return name[: room - 1] + "…" if room >= _FEWEST_CHARACTERS else ""


def _legend_mark(marker: str, size: float, label: str) -> Any:
    line = Line2D([], [], linestyle="none", color=_ACCENT, label=label)
    line.set(marker=marker, markersize=size)
    return line


def row_names(log: Log) -> list[str]:
    """Return the labels of the rows, with the device where there are several."""
    if len({lane.device for lane in log.names}) == 1:
        return list(log.names.values())
    return [f"xpu:{lane.device} {name}" for lane, name in log.names.items()]


def _title(log: Log) -> str:
    devices = sorted({lane.device for lane in log.names})
    return ", ".join(f"xpu:{index}  {torch.xpu.get_device_name(index)}" for index in devices)
