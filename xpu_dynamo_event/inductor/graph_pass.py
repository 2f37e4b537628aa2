"""Rewrites of a graph before code is generated for the device "xpu"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from .._compat import compiler_import
from .._compat.inductor import CustomGraphModulePass, get_hash_for_files
from ..passes.pipeline import Rewrites


class XpuGraphPass(CustomGraphModulePass):
    """Rewrites nodes by their target; its identity is part of the key of the compile cache.

    The identity covers the Python code of the whole package: what another version captured, ordered
    or generated is never taken out of the cache.
    """

    def __init__(self, rewrites: Rewrites, kernels: str = "") -> None:
        self._rewrites = rewrites
        self._kernels = kernels  # what is generated, where rewrites do not tell

    def __call__(self, gm: torch.fx.GraphModule) -> None:
        """Rewrite ``gm`` in place."""
        for target, rewrite in self._rewrites.items():
            for node in gm.graph.find_nodes(op="call_function", target=target):
                rewrite(node)
        gm.graph.lint()

    def uuid(self) -> Any:
        """Return what must differ between versions that generate different code."""
        package = Path(__file__).parents[1]
        parts = (*package.rglob("*.py"), *package.rglob("*.h"))  # headers are part of generated C++
        sources = sorted(map(str, parts))
        names = ",".join([*map(str, self._rewrites), self._kernels])
        return get_hash_for_files(tuple(sources), names)


compiler_import.own_import_ends(__name__)
