"""What ``torch.compile`` makes of a program with events: :func:`explain`.

One run of the program is compiled with ``aot_eager``. The graphs are read after all passes over
them (``passes/pipeline.py``), so they show the order that every backend keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.fx import GraphModule

from .. import install
from .._compat import backends, compiler_import, regions
from .._compat.explanation import break_reasons
from .._compat.outside import outside_graphs
from ..passes import pipeline
from .model import Break, Graph, Step
from .reading import read
from .result import Explanation

__all__ = ["Break", "Explanation", "Graph", "Step", "explain"]


@outside_graphs("it compiles by itself: explain what it is given, or the function that calls it")
def explain(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Explanation:
    """Compile and call ``fn``, and say what was captured: events, streams, edges, graph breaks.

    The call is a real one: ``fn`` runs once, with its side effects. Where inputs require gradients,
    the backward is explained too, without being run. ``fn`` may explain other functions, and
    threads may explain different functions at the same time.

    What was compiled before stays, and does not limit an explanation. What an explanation compiled
    is dropped, except for what comes before a graph break, which torch keeps; an empty cache entry
    stays until :func:`torch.compiler.reset`. ``recompile_limit`` does not count these entries,
    ``accumulated_recompile_limit`` (256) does: after that many explanations ``torch.compile`` adds
    nothing to what it compiled of ``fn``.

    Args:
        fn: A function, method or module; one that is already compiled is compiled again.
        args: Arguments of the call.
        kwargs: Arguments of the call.

    Returns:
        What happened: print it, look at its attributes, or :meth:`Explanation.save` a picture.

    Raises:
        TypeError: ``fn`` cannot be called.
        RuntimeError: Capture is switched off.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> def overlap(x, ready, side):
        ...     y = x + 1
        ...     ready.record()
        ...     with torch.xpu.stream(side):
        ...         ready.wait()
        ...         return y * 2
        >>> x = torch.ones(2, device="xpu")
        >>> found = xpu_dynamo_event.explain(overlap, x, torch.xpu.Event(), torch.xpu.Stream())
        >>> print(found)  # doctest: +ELLIPSIS
        overlap: 1 graph, 0 graph breaks
        ...
           2  stream at entry  record ready        after add              ...: ready.record()
           3  side             wait for ready (2)  after add; before mul  ...: ready.wait()
           4  side             mul                                        ...: return y * 2
    """
    if not callable(fn):
        raise TypeError(f"explain() takes something to call, not {type(fn).__name__} {fn!r:.100}.")
    if not install.is_enabled():
        raise RuntimeError(
            "explain() shows what is captured, and capture is switched off. Call "
            "xpu_dynamo_event.enable(), or see `python -m xpu_dynamo_event` for why it is off."
        )
    watcher = _Watcher()
    # The keyword is public, and missing in the overloads.
    compiled = torch.compile(fn, backend=watcher, isolate_recompiles=True)  # type: ignore[call-overload]
    with (
        regions.for_one_call(watcher),
        pipeline.watched(watcher.see),
        break_reasons() as reasons,
    ):
        compiled(*args, **kwargs)
    breaks = [Break(reason.why, reason.where) for reason in reasons]
    return Explanation(_name(fn), watcher.graphs, breaks)


def _name(fn: Any) -> str:
    return getattr(fn, "__name__", None) or type(getattr(fn, "_orig_mod", fn)).__name__


class _Watcher:
    """A backend that reads each graph, once it is ordered."""

    def __init__(self) -> None:
        self.graphs: list[Graph] = []
        self._compile = backends.lookup("aot_eager")
        self._captured: GraphModule | None = None  # being compiled, as Dynamo captured it

    def __call__(self, captured: GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        self._captured = captured
        try:
            compiled: Callable[..., Any] = self._compile(captured, inputs)
        finally:
            self._captured = None
        return compiled

    def see(self, ordered: GraphModule) -> None:
        if self._captured is not None:
            self.graphs.append(read(self._captured, ordered))


compiler_import.own_import_ends(__name__)
