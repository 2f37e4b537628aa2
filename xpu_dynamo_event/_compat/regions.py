"""What a compilation for a single call leaves in torch's cache.

``torch.compile(isolate_recompiles=True)`` caches in a region of its own, and no region is ever
dropped. Its entries hold their graphs as long as the compiled function lives, and they count for
``accumulated_recompile_limit``, which is one limit for all regions of a function.

Which region is current is one number for all threads, so threads that compile one function at once
file entries in each other's regions. An entry is known by its backend instead.

Upstream: torch/_dynamo/{cache_size,convert_frame,guards}.py, torch/csrc/dynamo/extra_state.cpp.
Versions: 2.13 to 2.15.
CAN REMOVE when torch can drop the entries of a region.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, SimpleNamespace
from typing import Any

from torch._C._dynamo.eval_frame import _debug_get_cache_entry_list
from torch._dynamo import config, convert_frame
from torch._dynamo.guards import CheckFunctionManager


@contextmanager
def for_one_call(backend: Callable[..., Any]) -> Iterator[None]:
    """Make a backend compile in a block whatever was compiled before, then empty its entries.

    Entries are emptied, as torch does when an object that they guard on dies, and not removed: the
    one way to remove them, ``reset_code``, takes the entries of every region, and frees memory that
    a thread which compiles the same function still uses.

    Args:
        backend: What ``torch.compile(isolate_recompiles=True)`` was given, for this block alone.
    """
    try:
        with config.patch(accumulated_recompile_limit=sys.maxsize):  # of this thread
            yield
    finally:
        with convert_frame.compile_lock:  # torch.compiler.reset() destroys entries under it
            for reference in list(convert_frame.input_codes.seen):
                _empty(reference(), backend)


def _empty(code: CodeType | None, backend: Callable[..., Any]) -> None:
    for entry in [] if code is None else _debug_get_cache_entry_list(code):
        if getattr(entry.backend, "compiler_fn", None) is backend:
            # In place of the manager that made the guards, which no entry leads to.
            made: Any = SimpleNamespace(guard_manager=entry.guard_manager)
            CheckFunctionManager.invalidate(made, "what it was compiled for")
