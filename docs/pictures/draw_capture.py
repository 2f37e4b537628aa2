"""Draws the pictures of docs/how-capture-works.md from graphs that are captured here and now.

``python docs/pictures/draw_capture.py`` writes them beside this file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from torch.fx import Graph, Node

from xpu_dynamo_event import GraphLog
from xpu_dynamo_event._compat.backends import aot_graphs

INK, FAINT, COMPUTE, EVENT, CONTEXT = "#222222", "#D9D9D9", "#4C78A8", "#B0306A", "#8A8A8A"
NOT_DRAWN = {"entry_stream", "getitem", "note_uses"}  # notes for passes and for the allocator
LANES = ("caller's stream", "side stream")


def side_by_side(x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    """The program of the page: half of the work on another stream."""
    y = x + 1
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        z = y * 2
        join.record()
    join.wait()
    return y + z


class Step(NamedTuple):
    """An operation of a graph, as it is drawn.

    Attributes:
        label: What is written on it.
        color: Compute, event op, or change of the stream.
        lane: The stream it is issued to.
        reads: Numbers of the steps whose values it reads.
    """

    label: str
    color: str
    lane: int
    reads: list[int]


def captured_graphs() -> tuple[Graph, Graph]:
    """Compile the program; return Dynamo's graph, and AOTAutograd's after the ordering pass."""
    log = GraphLog("eager")
    graphs, backend = aot_graphs()
    for each in (log, backend):
        torch.compiler.reset()
        run(each)
    (ordered,) = graphs
    return log.graphs[0].graph, ordered.graph


def run(backend: Callable[..., Any]) -> None:
    """Compile the program with a backend and call it."""
    operands = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    compiled = torch.compile(side_by_side, backend=backend, fullgraph=True)
    result = compiled(torch.ones(4, device="xpu"), *operands)
    assert result.tolist() == [6.0] * 4


def steps(graph: Graph) -> list[Step]:
    """Return the operations of a graph in the order in which they are issued."""
    found: list[Step] = []
    number: dict[Node, int] = {}
    events: dict[Any, str] = {}
    lane = 0
    for node in graph.nodes:
        name = name_of(node)
        if node.op == "placeholder" or name in NOT_DRAWN:
            continue
        reads = sorted({number[source] for source in sources(node) if source in number})
        if name in ("record", "wait"):
            event = events.setdefault(node.args[0], ("fork", "join")[len(events) % 2])
            found.append(Step(f"{name}\n{event}", EVENT, lane, reads))
        elif name == "set_stream":
            lane = 1 - lane
            found.append(Step("set\nstream", CONTEXT, lane, reads))
        else:
            found.append(Step("return" if node.op == "output" else name, COMPUTE, lane, reads))
        number[node] = len(found) - 1
    return found


def name_of(node: Node) -> str:
    """Return the name of an operation without namespace and overload."""
    text = str(node.target)  # "aten.add.Tensor"
    return text.split(".")[1] if "." in text else getattr(node.target, "__name__", text)


def sources(node: Node) -> Iterator[Node]:
    """Return the operations whose values a node reads, also through what a barrier hands on."""
    for each in node.all_input_nodes:
        if name_of(each) == "getitem":
            yield from sources(each)
        else:
            yield each


def draw(title: str, drawn: list[Step], path: Path) -> None:
    """Write a picture: order of issue to the right, streams as lanes, values as arrows."""
    mpl.rcParams.update({"svg.hashsalt": "capture", "svg.fonttype": "none", "font.size": 10})
    figure = Figure(figsize=(9.6, 2.9), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=11)
    axes.set_xlim(-0.6, len(drawn) - 0.4)
    axes.set_ylim(1.8, -0.8)
    axes.set_yticks(range(len(LANES)), LANES)
    axes.set_xticks([])
    axes.set_xlabel("order of issue  →", color=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)
    for lane in range(len(LANES)):
        axes.axhline(lane, color=FAINT, zorder=0)
    for position, step in enumerate(drawn):
        for source in step.reads:
            draw_value(axes, drawn, source, position)
        box = {"boxstyle": "round,pad=0.35", "facecolor": step.color, "edgecolor": "white"}
        axes.text(
            position, step.lane, step.label, ha="center", va="center", color="white", bbox=box
        )
    figure.savefig(path, metadata={"Date": None})


def draw_value(axes: Axes, drawn: list[Step], source: int, reader: int) -> None:
    """Draw an arrow from the step that computes or hands on a value to the one that reads it."""
    start, end = (source, drawn[source].lane), (reader, drawn[reader].lane)
    bend = 0.0
    if reader - source > 1 and start[1] == end[1]:  # around what stands between them
        bend = (1.3 if start[1] else -1.3) / (reader - source)
    arrow = FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        connectionstyle=f"arc3,rad={bend}",
        shrinkA=16,
        shrinkB=16,
        mutation_scale=10,
        color=EVENT if EVENT in (drawn[source].color, drawn[reader].color) else COMPUTE,
        zorder=1,
    )
    axes.add_patch(arrow)


def main(folder: Path) -> None:
    """Write the pictures into a folder."""
    captured, ordered = captured_graphs()
    draw(
        "As captured: no value ties an event op to its place",
        steps(captured),
        folder / "captured.svg",
    )
    draw(
        "After the ordering pass: values go through the event ops",
        steps(ordered),
        folder / "ordered.svg",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
