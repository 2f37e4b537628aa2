"""A timeline as a page that zooms: one file, which needs no network.

Unlike a picture it has every bar, because the reader can come closer. Of many records and waits it
shows at first what a picture shows; the others appear when their entry of the legend is clicked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

try:
    from plotly.subplots import make_subplots
except ImportError as error:
    raise ImportError(
        "Pages are made with plotly, which is not installed. Install it with the extra "
        '`pip install "xpu-dynamo-event[demo]"`. A timeline can be saved as a .json trace '
        "without it."
    ) from error

from ..colors import ACCENT, COPY, FAINT, INK, KERNEL
from . import density
from .model import EventMark, Lane, Side, Wait
from .summary import devices, row_names

_US_PER_MS = 1000.0
_COLORS = {"kernel": KERNEL, "copy": COPY}
_BAR_HEIGHT = 0.5
_ROW, _BESIDES = 90, 120  # pixels: of a row, and of what else a side has
_SMALLEST_FONT = 9  # a name that would have to be smaller is left out
_SETTINGS = {
    "scrollZoom": True,
    "displaylogo": False,
    "responsive": True,
    "modeBarButtons": [["zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
}


def write(sides: Sequence[Side], path: Path) -> None:
    """Write the page.

    Args:
        sides: What was recorded, one below the other at the same scale.
        path: The file.
    """
    figure = _figure(sides)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.write_html(path, include_plotlyjs=True, config=_SETTINGS)


def _figure(sides: Sequence[Side]) -> Any:
    heights = [_ROW * len(side.log.names) + _BESIDES for side in sides]
    figure = make_subplots(
        len(sides), 1, shared_xaxes=True, row_heights=heights, subplot_titles=[*map(_title, sides)]
    )
    for number, side in enumerate(sides, start=1):
        figure.add_traces(_Traces(side).all(), rows=number, cols=1)
        _rows(figure, side, number)
    for trace in {trace.name: trace for trace in reversed(figure.data)}.values():
        trace.showlegend = True  # one entry for all sides
    figure.update_xaxes(showgrid=False)
    figure.update_xaxes(title="time / ms", row=len(sides), col=1)
    figure.update_annotations(x=0, xanchor="left", font={"size": 14, "color": INK})  # the titles
    figure.update_layout(
        height=sum(heights),
        barmode="overlay",
        dragmode="pan",
        plot_bgcolor="white",
        uniformtext={"minsize": _SMALLEST_FONT, "mode": "hide"},
        margin={"t": 50, "b": 90},
        legend={"orientation": "h", "yref": "container", "y": 0},
    )
    return figure


def _title(side: Side) -> str:
    return f"{side.name}   {devices(side.log)}" if side.name else devices(side.log)


def _rows(figure: Any, side: Side, number: int) -> None:
    names = row_names(side.log)
    figure.update_yaxes(
        tickvals=[*range(len(names))],
        ticktext=names,
        range=[len(names) - 0.5, -0.5],
        fixedrange=True,  # zooming is about time
        gridcolor=FAINT,
        zeroline=False,
        row=number,
        col=1,
    )


class _Traces:
    """What plotly draws of one side."""

    def __init__(self, side: Side) -> None:
        self.log = side.log
        self.begin, _ = side.log.span()
        self.rows = {lane: row for row, lane in enumerate(side.log.names)}

    def all(self) -> list[dict[str, Any]]:
        """Return bars, marks and arrows, of kinds that there are."""
        kinds = {task.kind for task in self.log.tasks}
        traces = [self._bars(kind) for kind in _COLORS if kind in kinds]
        waits, records = density.longest(self.log)
        every = self.log.waits()
        is_long = len(waits) < len(every)
        traces += self._waits(waits, f"the {len(waits)} longest waits" if is_long else "wait")
        traces += self._records(records, "event recorded")
        if is_long:
            traces += self._waits(every, "every wait", visible="legendonly")
            marks = [mark for mark in self.log.marks if mark.op == "record"]
            traces += self._records(marks, "every record", visible="legendonly")
        return traces

    def _bars(self, kind: str) -> dict[str, Any]:
        tasks = [task for task in self.log.tasks if task.kind == kind]
        return self._trace(kind) | {
            "type": "bar",
            "orientation": "h",
            "base": [self._ms(task.start) for task in tasks],
            "x": [(task.end - task.start) / _US_PER_MS for task in tasks],
            "y": self._rows_of(task.lane for task in tasks),
            "width": _BAR_HEIGHT,
            "marker": {"color": _COLORS[kind], "line": {"width": 0}},
            "text": [task.name.removeprefix("aten::") for task in tasks],
            "textposition": "inside",
            "textangle": 0,
            "insidetextanchor": "middle",
            "insidetextfont": {"color": "white"},
            "customdata": [[task.name, task.end - task.start] for task in tasks],
            "hovertemplate": "%{customdata[0]}<br>%{customdata[1]:.1f} us from %{base:.4f} ms"
            "<extra></extra>",
        }

    def _records(
        self, records: Sequence[EventMark], name: str, visible: Any = True
    ) -> Iterator[dict[str, Any]]:
        if not records:
            return
        yield self._trace(name) | {
            "visible": visible,
            "type": "scatter",
            "mode": "markers",
            "x": [self._ms(mark.time) for mark in records],
            "y": self._rows_of(mark.lane for mark in records),
            "marker": {"symbol": "diamond", "size": 9, "color": ACCENT, "line": _WHITE},
            "customdata": [mark.event for mark in records],
            "hovertemplate": "event %{customdata} recorded at %{x:.4f} ms<extra></extra>",
        }

    def _waits(
        self, waits: Sequence[Wait], name: str, visible: Any = True
    ) -> Iterator[dict[str, Any]]:
        """Yield all arrows as one line with gaps: a begin, an end, and nothing, of each."""
        if not waits:
            return
        ends: list[tuple[EventMark, str]] = []
        for pair in waits:
            ends += [(pair.record, "recorded"), (pair.wait, "waited for")]
        yield self._trace(name) | {
            "visible": visible,
            "type": "scatter",
            "mode": "lines+markers",
            "x": _with_gaps([self._ms(mark.time) for mark, _ in ends]),
            "y": _with_gaps(self._rows_of(mark.lane for mark, _ in ends)),
            "line": {"color": ACCENT, "width": 1.3},
            "marker": {
                "symbol": "arrow",
                "angleref": "previous",
                "size": [0, 10, 0] * len(waits),  # a head at the end only
                "opacity": 1,
                "color": ACCENT,
            },
            "customdata": _with_gaps([f"event {mark.event} {word}" for mark, word in ends]),
            "hovertemplate": "%{customdata} at %{x:.4f} ms<extra></extra>",
        }

    def _trace(self, name: str) -> dict[str, Any]:
        return {"name": name, "legendgroup": name, "showlegend": False}

    def _rows_of(self, lanes: Iterable[Lane]) -> list[int]:
        return [self.rows[lane] for lane in lanes]

    def _ms(self, time: float) -> float:
        """Return the time since the first stream began."""
        return (time - self.begin) / _US_PER_MS


_WHITE = {"width": 1, "color": "white"}


def _with_gaps(values: Sequence[Any]) -> list[Any]:
    """Return pairs of values with nothing between one pair and the next."""
    return [each for i in range(0, len(values), 2) for each in (*values[i : i + 2], None)]
