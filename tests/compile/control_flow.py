"""Torch's control flow beside the same in Python, and what is issued by either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from torch._higher_order_ops import while_loop
from torch._higher_order_ops.map import map as each
from torch._higher_order_ops.scan import scan

from xpu_dynamo_event.sanitizer.own_log import OwnLog


def _python_cond(pred: Any, yes: Any, no: Any, operands: Any) -> Any:
    return yes(*operands) if pred else no(*operands)


def _python_while(cond: Any, body: Any, carried: Any) -> Any:
    while cond(*carried):
        carried = body(*carried)
    return carried


def _python_scan(step: Any, carry: Any, xs: Any) -> Any:
    results = []
    for x in xs:
        carry, result = step(carry, x)
        results.append(result)
    return carry, torch.stack(results)


def _python_each(body: Any, xs: Any) -> torch.Tensor:
    return torch.stack([body(x) for x in xs])


TORCH = SimpleNamespace(cond=torch.cond, while_loop=while_loop, scan=scan, each=each)
PYTHON = SimpleNamespace(
    cond=_python_cond, while_loop=_python_while, scan=_python_scan, each=_python_each
)

Body = Callable[[torch.Tensor], torch.Tensor]


def in_cond(ops: Any, body: Body, x: torch.Tensor, flag: torch.Tensor) -> torch.Tensor:
    """Run a body as a branch."""
    result: torch.Tensor = ops.cond(flag, body, lambda y: y - 1, (x,))
    return result


def in_loop(ops: Any, body: Body, x: torch.Tensor, _flag: torch.Tensor) -> torch.Tensor:
    """Run a body three times, on its own results."""
    start = torch.zeros((), dtype=torch.int64)
    _, y = ops.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, body(y)), (start, x))
    result: torch.Tensor = y
    return result


def in_scan(ops: Any, body: Body, x: torch.Tensor, _flag: torch.Tensor) -> torch.Tensor:
    """Run a body for each row."""
    carry, rows = ops.scan(lambda c, row: (c + row, body(row)), torch.zeros_like(x[0]), x)
    result: torch.Tensor = rows + carry
    return result


def in_map(ops: Any, body: Body, x: torch.Tensor, _flag: torch.Tensor) -> torch.Tensor:
    """Run a body for each row."""
    result: torch.Tensor = ops.each(body, x)
    return result


WAYS = {"cond": in_cond, "while_loop": in_loop, "scan": in_scan, "map": in_map}


@contextmanager
def issued() -> Iterator[list[str]]:
    """Note the records of a block, and what the host waits for, with the number of the stream.

    Waits are not among them: one that cannot matter any more is not issued.
    """
    seen: list[str] = []
    log, lanes = OwnLog(), dict[Any, int]()
    torch.xpu.synchronize()
    log.start(False)
    try:
        yield seen
        for operation in log.drain():
            if operation.kind in ("record", "finish_event"):
                lane = lanes.setdefault(operation.lane, len(lanes))
                seen.append(f"{operation.kind} {lane}")
    finally:
        log.stop()
