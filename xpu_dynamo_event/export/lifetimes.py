"""Memory of programs that change streams, where the module was run to trace it."""

from __future__ import annotations

from torch.fx import GraphModule

from ..passes import lifetimes
from . import tracing


def note_lifetimes(program: GraphModule) -> None:
    """Make a program tell the allocator about uses on other streams, as a captured graph does.

    A program frees a value after its last use, where the module kept it until it returned. What
    Dynamo captured (``strict=True``) has these notes already.

    Args:
        program: The graph of the program; changed in place.
    """
    if tracing.active() is None:
        return
    nodes = list(program.graph.nodes)
    for node in nodes:
        node.meta["example_value"] = node.meta.get("val")
    lifetimes.prepare(program)
    before: dict[str, object] = {}
    for node in program.graph.nodes:
        if node.op == "call_function":
            node.meta = node.meta or {**before, "val": None}
            before = node.meta
    for node in nodes:
        del node.meta["example_value"]
