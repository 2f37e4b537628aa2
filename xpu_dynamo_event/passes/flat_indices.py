"""``argmax`` and ``argmin`` over all dimensions, for Inductor's C++ backend."""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import Node


def flatten_index(node: Node) -> None:
    """Make argmax/argmin over all dimensions reduce over one.

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


def _call(target: Any, source: Node, *arguments: Any) -> Node:
    node = source.graph.call_function(target, (source, *arguments))
    node.meta["val"] = target(source.meta["val"], *arguments)
    return node


def _arguments(node: Node) -> tuple[Any, Any, bool]:
    given = dict(zip(("self", "dim", "keepdim"), node.args, strict=False)) | dict(node.kwargs)
    return given["self"], given.get("dim"), bool(given.get("keepdim", False))
