"""Says whether a program has a race or is not well-formed, whether generated or written."""

from __future__ import annotations

from .order import Order
from .program import ENTRY, Body, Checkpoint, Compute, Program, Record, Stay, Wait, Within
from .source import needed


def race(program: Program) -> str | None:
    """Return the first thing that is wrong with ``program``, or None."""
    order = order_of(program)
    return _walk(order, program.body, ENTRY, True) or order.refusal_of_end(program.results)


def order_of(program: Program) -> Order:
    """Return what is known where ``program`` begins."""
    parts = (program.tensors, program.streams, program.events, program.timed, program.trained)
    return Order(*parts)


def _walk(order: Order, body: Body, stream: str, outermost: bool = False) -> str | None:
    for it in body:
        if isinstance(it, Within | Stay) and it.stream not in order.streams:
            return f"{it.stream} is not known"
        if isinstance(it, Stay):
            if not outermost or it is not body[-1]:
                return "set_stream before the end of a block"
            reason = _walk(order, it.body, it.stream, True)
            order.come_back(it.stream)
        elif isinstance(it, Within):
            reason = _walk(order, it.body, it.stream)
        elif isinstance(it, Checkpoint):
            reason = _region(order, it, stream)
        else:
            reason = order.refusal(it, stream)
            if reason is None:
                order.apply(it, stream)
        if reason is not None:
            return reason
    return None


def _region(order: Order, region: Checkpoint, stream: str) -> str | None:
    """A region is one stream's: where the backward repeats one that forks, eager leaves open."""
    computed = [it for it in region.body if isinstance(it, Compute)]
    if not computed or computed[-1].target != region.result or not needed(region.body):
        return "a region without its result"
    if not all(isinstance(it, Compute | Record | Wait) for it in region.body):
        return "a region with more than computations, records and waits"
    reason = _walk(order, region.body, stream)
    return reason or leave(order, region, stream)


def leave(order: Order, region: Checkpoint, stream: str) -> str | None:
    """Forget what belongs to the region alone; its operands are read again in the backward."""
    for it in region.body:
        if isinstance(it, Record | Wait) and it.stream is not None and it.stream != stream:
            return "a region with another stream"
        if isinstance(it, Compute) and it.target != region.result:
            order.forget(it.target)
    order.keep(needed(region.body), stream)
    return None
