"""Rewrites of a graph before code is generated for the device "xpu"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from .._compat.inductor import CustomGraphModulePass, get_hash_for_files
from ..passes.direct_copies import copy_directly

Rewrites = Mapping[Any, Callable[[torch.fx.Node], None]]


class XpuGraphPass(CustomGraphModulePass):
    """Rewrites nodes by their target; its identity is part of the key of the compile cache.

    The identity covers the Python code of the whole package: what another version captured, ordered
    or generated is never taken out of the cache.
    """

    def __init__(self, rewrites: Rewrites) -> None:
        self._rewrites = rewrites

    def __call__(self, gm: torch.fx.GraphModule) -> None:
        """Rewrite ``gm`` in place."""
        for target, rewrite in self._rewrites.items():
            for node in gm.graph.find_nodes(op="call_function", target=target):
                rewrite(node)
        gm.graph.lint()

    def uuid(self) -> Any:
        """Return what must differ between versions that generate different code."""
        package = Path(__file__).parents[1]
        sources = sorted(str(path) for path in package.rglob("*.py"))
        names = ",".join(str(target) for target in self._rewrites)
        return get_hash_for_files(tuple(sources), names)


def _flatten_index(node: torch.fx.Node) -> None:
    """Let argmax/argmin over all dimensions reduce over one.

    Over several, the C++ backend may order its loops by the strides of what it reads, and then
    counts positions in memory instead of positions in the tensor.
    """
    source, dim, keepdim = _arguments(node)
    value = source.meta["val"]
    if dim is not None or value.device.type != "xpu" or value.dim() < 2:
        return
    with node.graph.inserting_before(node):
        flat = _call(torch.ops.aten.reshape.default, source, [-1])
        index = _call(node.target, flat, 0)
        if keepdim:
            index = _call(torch.ops.aten.reshape.default, index, [1] * value.dim())
    node.replace_all_uses_with(index)
    node.graph.erase_node(node)


def _call(target: Any, source: torch.fx.Node, *arguments: Any) -> torch.fx.Node:
    node = source.graph.call_function(target, (source, *arguments))
    node.meta["val"] = target(source.meta["val"], *arguments)
    return node


def _arguments(node: torch.fx.Node) -> tuple[Any, Any, bool]:
    given = dict(zip(("self", "dim", "keepdim"), node.args, strict=False)) | dict(node.kwargs)
    return given["self"], given.get("dim"), bool(given.get("keepdim", False))


FOR_ALL_DEVICES: Rewrites = {torch.ops.aten.copy_.default: copy_directly}
"""What Inductor gets wrong, whoever provides the device."""

FOR_CPP: Rewrites = {
    **FOR_ALL_DEVICES,
    torch.ops.aten.argmax.default: _flatten_index,
    torch.ops.aten.argmin.default: _flatten_index,
}
"""And what its C++ backend gets wrong."""
