"""What torch keeps for the whole process while it traces and runs graphs, where threads do both.

``preserve_node_meta`` saves two variables of its module and puts them back. A checkpointed region
enters it at each call under the backend "eager"; threads leave it in another order than they
entered, and every graph traced afterwards then has the stack traces of that region.

A ``_LazyGraphModule`` generates its code at its first call, and gives its nodes other names
meanwhile. Threads that do it at once mix those names: the code refers to variables that are not
there, now and at each later call.

Upstream: torch/fx/{traceback,_lazy_graph_module,graph}.py, torch/_higher_order_ops/wrap.py.
Versions: 2.13 to 2.15.
CAN REMOVE when threads may overlap in ``preserve_node_meta`` and in the first call of a graph.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.fx import traceback
from torch.fx._lazy_graph_module import _LazyGraphModule

from .patching import Patches


class _Entry:
    """One use of ``preserve_node_meta``, with what it found."""

    def __init__(self) -> None:
        self.found: tuple[bool, dict[str, Any]] = (
            traceback.should_preserve_node_meta,
            traceback.current_meta.copy(),
        )


_lock = threading.Lock()
_entered: list[_Entry] = []  # of all threads, the last one entered last


@contextmanager
def _preserve_node_meta(enable: bool = True) -> Iterator[None]:
    with _lock:
        entry = _Entry()
        _entered.append(entry)
        traceback.should_preserve_node_meta = enable
    try:
        yield
    finally:
        with _lock:
            index = _entered.index(entry)
            if entry is _entered[-1]:
                traceback.should_preserve_node_meta, traceback.current_meta = entry.found
            else:  # the next to enter restores what this one found
                _entered[index + 1].found = entry.found
            del _entered[index]


def install(patches: Patches) -> None:
    """Make these parts of torch work when threads overlap."""
    real_recompile = _LazyGraphModule.real_recompile
    generating = threading.RLock()  # a graph may have graphs inside

    def one_at_a_time(self: _LazyGraphModule) -> None:
        with generating:
            real_recompile(self)

    patches.replace(traceback, "preserve_node_meta", _preserve_node_meta)
    patches.replace(_LazyGraphModule, "real_recompile", one_at_a_time)
