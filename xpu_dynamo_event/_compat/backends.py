"""Compilers by name.

Upstream: torch/_dynamo/backends/registry.py.
Versions: 2.13 to 2.15.
CAN REMOVE when torch.compiler can look up a backend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.fx import GraphModule

from .patching import Patches

_RUNS_AS_IT_IS = "boxed_nop"


def can_remove() -> bool:
    """Return whether torch has a public way to a backend by its name."""
    return hasattr(torch.compiler, "lookup_backend")


def lookup(name: str) -> Callable[..., Any]:
    """Return the compiler that ``torch.compile(backend=name)`` uses."""
    from torch._dynamo.backends.registry import lookup_backend

    compiler: Callable[..., Any] = lookup_backend(name)
    return compiler


def aot_graphs() -> tuple[list[GraphModule], Callable[..., Any]]:
    """Return a list, and a backend that adds AOTAutograd's graphs to it and just runs them."""
    from torch._dynamo.backends.common import aot_autograd
    from torch._functorch._aot_autograd.utils import make_boxed_func
    from torch._functorch.partitioners import min_cut_rematerialization_partition

    graphs: list[GraphModule] = []

    def compile_(graph: GraphModule, _inputs: list[Any]) -> Callable[..., Any]:
        graphs.append(graph)
        return make_boxed_func(graph.forward)

    backend = aot_autograd(
        fw_compiler=compile_,
        bw_compiler=compile_,
        partition_fn=min_cut_rematerialization_partition,
        keep_inference_input_mutations=True,
    )
    return graphs, backend


def install_before_running(patches: Patches, graph_pass: Callable[[GraphModule], None]) -> None:
    """Run ``graph_pass`` on every graph that ``aot_eager`` is about to run as it is.

    Graphs that torch will store are left alone: only dispatcher ops are known to every process.

    Upstream: torch/_dynamo/backends/debugging.py, ``boxed_nop``.
    CAN REMOVE when AOTAutograd takes custom passes over the graphs that it hands to a compiler.
    """
    from torch._dynamo.backends import debugging
    from torch._functorch import config

    upstream = debugging.boxed_nop

    def boxed_nop(graph: GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        if not (config.force_autograd_cache or config.bundled_autograd_cache):
            graph_pass(graph)
        return upstream(graph, inputs)

    patches.replace(debugging, _RUNS_AS_IT_IS, boxed_nop)
