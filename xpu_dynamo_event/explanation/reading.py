"""Reads off an ordered graph what it issues, step by step."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.fx import Graph as FxGraph
from torch.fx import GraphModule, Node

from .. import ops
from .._compat import aot, explanation, fx
from .model import Graph, Kind, Step

_AT_ENTRY = "stream at entry"
_KINDS: dict[str, Kind] = {"record": "record", "wait": "wait", "wait_stream": "wait"}
_HOST = ("synchronize", "synchronize_stream", "synchronize_device", *ops.READINGS)
_OF_EVENTS = ("record", "wait", "synchronize", "query", "elapsed_time")
_OPS = torch.ops.xpu_event
_ORDERED = {getattr(_OPS, name).ordered: name for name in (*ops.ACTIONS, *ops.READINGS)}
_CREATIONS: dict[Any, str] = {_OPS.create.default: "event", _OPS.create_stream.default: "stream"}
_ASSIGNMENT = re.compile(
    r"""(?:^|:\ )                    # a statement of its own, or behind a header
        (?!(?:else|finally|try):)
        ([A-Za-z_][\w.]*)
        (?::\ [^=]+)?                # an annotation
        \ =\ """,
    re.VERBOSE,
)


def read(captured: GraphModule, ordered: GraphModule) -> Graph:
    """Return what a graph issues.

    Args:
        captured: As Dynamo captured it, with the names of the program.
        ordered: As the ordering pass left it.
    """
    return _Reader(captured, ordered.graph).graph()


class _Reader:
    def __init__(self, captured: GraphModule, graph: FxGraph) -> None:
        self.inputs = captured.graph.find_nodes(op="placeholder")
        self.nodes = graph.nodes
        # The ordering pass tags its nodes in a graph of inference, too.
        self.backward = aot.backward_nodes(graph) if aot.is_joint(graph) else set()
        self.stream = _AT_ENTRY
        self.events: dict[str, str] = {}
        self.streams: dict[str, str] = {_AT_ENTRY: "current when the graph is called"}
        self.recorded: dict[str, int] = {}
        self.names = self._names()

    def graph(self) -> Graph:
        return Graph(tuple(self._steps()), self.events, self.streams)

    def _steps(self) -> Iterator[Step]:
        kernels: list[Node] = []
        count = 0
        for node in self.nodes:
            starts_anew = node.target in _ORDERED or self._is_first_of_backward(node, kernels)
            if starts_anew and kernels:
                yield self._compute(kernels)
                kernels, count = [], count + 1
            if node.target in _ORDERED:
                step = self._barrier(node, count)
                if step is not None:
                    yield step
                    count += 1
            elif _computes(node):
                kernels.append(node)
        if kernels:
            yield self._compute(kernels)

    def _is_first_of_backward(self, node: Node, kernels: list[Node]) -> bool:
        return node in self.backward and any(each not in self.backward for each in kernels)

    def _compute(self, kernels: list[Node]) -> Step:
        names = tuple(node.name for node in kernels)
        source, backward = _source(kernels[0]), kernels[0] in self.backward
        return Step("compute", self.stream, names, source=source, backward=backward)

    def _barrier(self, node: Node, index: int) -> Step | None:
        """Return the step of an event op, or None for a change of the current stream."""
        op, operands = _ORDERED[node.target], node.args
        if op == "set_stream":
            self.stream = self._stream_name(operands[0])
            return None
        step = Step(
            "host" if op in _HOST else _KINDS.get(op, "other"),
            self.stream,
            (op,),
            source=_source(node),
            after=tuple(dict.fromkeys(map(_label, _live(node)))),
            before=tuple(dict.fromkeys(each.name for each in _readers(node))),
            backward=node in self.backward,
        )
        return self._with_operands(step, op, operands, index)

    def _with_operands(self, step: Step, op: str, operands: Any, index: int) -> Step:
        """Return the step with its event, its stream and its edges."""
        if op == "wait_stream":
            waiter, other = map(self._stream_name, operands)
            return replace(step, stream=waiter, names=(f"wait for {other}",), other=other)
        if op in ("synchronize_stream", "query_stream"):
            return replace(step, names=(f"{op} {self._stream_name(operands[0])}",))
        if op not in _OF_EVENTS:
            return step
        event = self._event_name(operands[0])
        if op == "elapsed_time":
            end = self._event_name(operands[1])
            return replace(step, names=(f"elapsed_time {event} to {end}",), event=event)
        if op in ("record", "wait") and len(operands) > 1 and operands[1] is not None:
            step = replace(step, stream=self._stream_name(operands[1]))
        if op == "record":
            self.recorded[event] = index
        if op == "wait":
            recorded_at = self.recorded.get(event)
            return replace(step, names=(f"wait for {event}",), event=event, recorded_at=recorded_at)
        return replace(step, names=(f"{op} {event}",), event=event)

    def _event_name(self, operand: Any) -> str:
        name = self._name(operand)
        self.events.setdefault(name, self._origin(operand))
        return name

    def _stream_name(self, operand: Any) -> str:
        if self._is_current_stream(operand):
            return _AT_ENTRY
        name = self._name(operand)
        self.streams.setdefault(name, self._origin(operand))
        return name

    def _name(self, operand: Any) -> str:
        return self.names.get(operand) or str(operand)

    def _names(self) -> dict[Node, str]:
        """Return a name for each event and stream: the program's, with a number if it is taken."""
        ordered = (node for node in self.nodes if node.target in _ORDERED)
        used = {each for node in ordered for each in node.args if isinstance(each, Node)}
        names: dict[Node, str] = {}
        for node in self.nodes:  # inputs first, then in the order in which they are made
            if node in used and not self._is_current_stream(node):
                names[node] = _untaken(self._program_name(node), names.values())
        return names

    def _program_name(self, node: Node) -> str:
        captured = self._input(node)
        if captured is not None:
            return explanation.source_name(captured) or captured.name
        kind = _CREATIONS.get(node.target)
        if kind is None:
            return str(node)
        made = [each for each in self.nodes if each.target in _CREATIONS]
        return _assigned(_source(node)) or f"{kind} {made.index(node) + 1}"

    def _origin(self, operand: Any) -> str:
        if self._input(operand) is not None:
            return "input"
        line = _source(operand) if isinstance(operand, Node) else ""
        return f"made at {line}" if line else "made in the graph"

    def _is_current_stream(self, operand: Any) -> bool:
        captured = self._input(operand)
        return captured is not None and explanation.is_current_stream(captured)

    def _input(self, operand: Any) -> Node | None:
        index = explanation.input_index(operand) if isinstance(operand, Node) else None
        return self.inputs[index] if index is not None and index < len(self.inputs) else None


def _computes(node: Node) -> bool:
    """Whether a node launches a kernel, and is not of this package."""
    own = str(node.target).startswith("xpu_event.")
    return node.op == "call_function" and not own and fx.launches_kernel(node)


def _live(ordered: Any) -> list[Node]:
    operands: list[Node] = ordered.kwargs["live"]
    return operands


def _readers(ordered: Node) -> Iterator[Node]:
    """Yield the kernels that read an operand through an ordered op."""
    for user in ordered.users:
        for reader in (user, *user.users):
            if _computes(reader) and reader not in ordered.all_input_nodes:
                yield reader


def _label(node: Node) -> str:
    """Return the name of the value that a node is, or that ordered ops handed through to it."""
    while (operand := _handed(node)) is not None:
        node = operand
    source = node.args[0] if node.target is operator.getitem else node
    return _ORDERED.get(getattr(source, "target", None), node.name)


def _handed(node: Node) -> Node | None:
    """Return the operand that a node takes from an ordered op; None if it does something else."""
    if node.target is not operator.getitem:
        return None
    source: Any = node.args[0]
    if source.target is operator.getitem:  # a reading returns itself, and what it hands through
        source = source.args[0]
    elif _ORDERED.get(source.target) in ops.READINGS:
        return None
    return _live(source)[node.args[1]] if source.target in _ORDERED else None  # type: ignore[index]


def _source(node: Node) -> str:
    """Return the line of the program that a node comes from."""
    trace = node.meta.get("stack_trace") or ""
    places = re.findall(r'File "([^"]+)", line (\d+), in .*\n\s*(.*)', trace)
    if not places:
        return ""
    file, line, code = places[-1]
    return f"{Path(file).name}:{line}: {code.strip()}"


def _untaken(name: str, taken: Collection[str]) -> str:
    """Return a name with the first number that makes it another one than those that are taken."""
    numbered = (f"{name} #{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain((name,), numbered) if each not in taken)


def _assigned(line: str) -> str | None:
    """Return the name in front of the ``=`` of a line."""
    found = _ASSIGNMENT.search(line)
    return found[1] if found else None
