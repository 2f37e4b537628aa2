"""Looking at what ``torch.compile`` captured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.fx import GraphModule

from ._compat import backends

_PREFIX = "xpu_event."
_NOTES = ("note_uses", "entry_stream", "inputs_now")  # written by this package's passes


class GraphLog:
    """A ``torch.compile`` backend that keeps each captured graph; another one compiles it.

    Args:
        backend: Name of the backend that compiles.

    Attributes:
        graphs (list[torch.fx.GraphModule]): The captured graphs, in order. One graph for a function
            means no graph break.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> log = xpu_dynamo_event.GraphLog("aot_eager")
        >>> @torch.compile(backend=log)
        ... def step(x, event):
        ...     y = x + 1
        ...     event.record()
        ...     return y
        >>> _ = step(torch.ones(2, device="xpu"), torch.xpu.Event())
        >>> len(log.graphs), log.event_ops()
        (1, ['record(l_event_, None)'])
    """

    def __init__(self, backend: str = "inductor") -> None:
        self.graphs: list[GraphModule] = []
        self._backend = backend
        self._compile = backends.lookup(backend)

    def __call__(
        self, graph: GraphModule, example_inputs: list[Any], **options: Any
    ) -> Callable[..., Any]:
        """Keep ``graph`` and compile it; this is what ``torch.compile`` calls."""
        self.graphs.append(graph)
        return self._compile(graph, example_inputs, **options)

    def __repr__(self) -> str:
        count = len(self.graphs)
        return f"<GraphLog of {self._backend!r}: {count} graph{'' if count == 1 else 's'}>"

    @property
    def graph_breaks(self) -> int:
        """Places where a function left its graph, when one function was compiled once.

        A break behind which nothing is left to capture makes no further graph and is not counted;
        ``fullgraph=True`` finds every break.
        """
        return max(len(self.graphs) - 1, 0)

    def event_ops(self) -> list[str]:
        """Return the event and stream ops of all graphs in program order, as ``name(operands)``."""
        return [
            _describe(node)
            for graph in self.graphs
            for node in graph.graph.nodes
            if _is_event_op(node)
        ]


def _is_event_op(node: torch.fx.Node) -> bool:
    name = str(node.target)
    return name.startswith(_PREFIX) and name.split(".")[1] not in _NOTES


def _describe(node: torch.fx.Node) -> str:
    name = str(node.target).removeprefix(_PREFIX).removesuffix(".default")
    return f"{name}({', '.join(str(operand) for operand in node.args)})"
