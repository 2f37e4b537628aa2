"""An explanation for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .model import Break, Graph, Step

_SHOWN = 3  # kernels of a row, of many


def text(name: str, graphs: Sequence[Graph], breaks: Sequence[Break]) -> str:
    """Return what became of a function, as lines of text."""
    return "\n".join(_lines(name, graphs, breaks))


def _lines(name: str, graphs: Sequence[Graph], breaks: Sequence[Break]) -> Iterator[str]:
    yield f"{name}: {summary(graphs, breaks)}"
    for number, graph in enumerate(graphs, 1):
        yield ""
        yield f"Graph {number}"
        yield from _names("events", graph.events)
        yield from _names("streams", graph.streams)
        yield from _table(graph)
    if breaks:
        yield ""
        yield "Graph breaks"
    for each in breaks:
        yield f"  {each.where}"
        yield f"    {each.why}"


def summary(graphs: Sequence[Graph], breaks: Sequence[Break]) -> str:
    """Return how many graphs and graph breaks there are."""
    return f"{_count(graphs, 'graph')}, {_count(breaks, 'graph break')}"


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _names(kind: str, origins: dict[str, str]) -> Iterator[str]:
    if origins:
        listed = ", ".join(f"{name} ({origin})" for name, origin in origins.items())
        yield f"  {kind}: {listed}"


def _table(graph: Graph) -> Iterator[str]:
    rows = [
        (str(number), step.stream, what(step), _edges(step), step.source)
        for number, step in enumerate(graph.steps, 1)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    backward = False
    for step, row in zip(graph.steps, rows, strict=True):
        if step.backward and not backward:
            backward = True
            yield "  backward"
        number, *cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {number.strip().rjust(widths[0] + 1)}  {'  '.join(cells)}".rstrip()


def what(step: Step) -> str:
    """Return what a step does, in a few words."""
    if step.kind == "wait" and step.event:
        before = "recorded before" if step.recorded_at is None else str(step.recorded_at + 1)
        return f"{step.names[0]} ({before})"
    return shortened(step.names)


def shortened(names: tuple[str, ...]) -> str:
    """Return names in a row, of many only the first, the last and how many are between."""
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return f"{names[0]}, ({len(names) - 2} more), {names[-1]}"


def _edges(step: Step) -> str:
    after = f"after {shortened(step.after)}" if step.after else ""
    before = f"before {shortened(step.before)}" if step.before else ""
    return "; ".join(filter(None, (after, before)))
