"""Programs with events whose inputs are at odd addresses, run while what makes them is held back.

Shared by the tests of both kinds of kernels: C++ and Triton.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xpu_dynamo_event.testing import Latch

Latches = Callable[..., Latch]
SIZE = 1000


@dataclass
class Lanes:
    """What a program gets beside its tensor.

    Attributes:
        ready: Recorded where the input is made.
        done: For the program to record.
        side: A stream for the program.
    """

    ready: Any
    done: Any
    side: Any

    @staticmethod
    def new() -> Lanes:
        return Lanes(torch.xpu.Event(), torch.xpu.Event(), torch.xpu.Stream())


def tensor(value: float, size: int = SIZE, offset: int = 1) -> Tensor:
    """Make a tensor of half numbers, two bytes past an address that Inductor takes for aligned."""
    return torch.full((size + offset,), value, dtype=torch.half, device="xpu")[offset:]


# ---- programs: (input, ready, done, side) -> results. All are right in eager.


def wait_then_read(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait()
    y = w * 2
    done.record()
    return y


def synchronize_side_then_read(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait(side)
    with torch.xpu.stream(side):
        y = w * 2
        done.record()
    torch.xpu.current_stream().wait_stream(side)
    return y


def read_on_side_then_here(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    """Here does not wait for the side; it did so for the input before."""
    torch.xpu.current_stream().wait_event(ready)
    side.wait_event(ready)
    with torch.xpu.stream(side):
        a = w * 2
    b = w * 3
    done.record()
    torch.xpu.current_stream().wait_stream(side)
    return a, b


def read_while_the_side_is_held(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    """The input was there before; only the side waits."""
    side.wait_event(ready)
    with torch.xpu.stream(side):
        a = w * 2
    b = w * 3
    done.record()
    torch.xpu.current_stream().wait_stream(side)
    return a, b


def write_then_announce(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait()
    w.add_(1)
    done.record()
    return w * 2


def write_twice(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait()
    w.add_(1)
    done.record()
    done.wait(side)
    with torch.xpu.stream(side):
        w.mul_(2)
        done.record()
    done.wait()
    return w + 1


def write_on_side(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait(side)
    with torch.xpu.stream(side):
        w.mul_(3)
        done.record()
    done.wait()
    return w + 1


def write_a_part(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait()
    w[1:7].fill_(9)
    done.record()
    return w.clone()


def write_and_return(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait()
    w.sub_(1)
    done.record()
    return w, w.view(2, -1)


def copy_over(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait()
    y = w + 1
    w.copy_(y)
    done.record()
    return y


def reduce(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait()
    y = w.float().mean()
    done.record()
    return y


def read_of_the_library(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    ready.wait()
    y = w.view(10, -1) @ w.view(-1, 10)
    done.record()
    return y


@torch.compiler.nested_compile_region
def _body(w: Tensor, ready: Any) -> Tensor:
    ready.wait()
    return w * 2 + 1


def wait_in_a_region(w: Tensor, ready: Any, done: Any, side: Any) -> Any:
    y = _body(w, ready)
    done.record()
    return y


PROGRAMS = (
    wait_then_read,
    synchronize_side_then_read,
    read_on_side_then_here,
    read_while_the_side_is_held,
    write_then_announce,
    write_twice,
    write_on_side,
    write_a_part,
    write_and_return,
    copy_over,
    reduce,
    read_of_the_library,
    wait_in_a_region,
)
IN_TIME = (read_while_the_side_is_held.__name__,)
"""Of these the input is there before the latch."""


def warm_up(run: Any, size: int = SIZE) -> None:
    """Compile a program for an aligned input. On a GPU that synchronises, so before a latch."""
    lanes = Lanes.new()
    run(tensor(1, size, 0), lanes.ready, lanes.done, lanes.side)
    torch.xpu.synchronize()


def observe(run: Any, w: Tensor, latch: Latches) -> list[list[float]]:
    """Run a program while the stream that makes ``w`` is held back.

    Returns:
        The results, what ``w`` is in the end, and what a stream sees there that waits for ``done``.
    """
    lanes, maker, reader = Lanes.new(), torch.xpu.Stream(), torch.xpu.Stream()
    is_late = run.__name__ not in IN_TIME
    if not is_late:
        w.fill_(5)
    torch.xpu.synchronize()
    held = latch(maker)
    with torch.xpu.stream(maker):
        if is_late:
            w.fill_(5)
        lanes.ready.record()
    results = run(w, lanes.ready, lanes.done, lanes.side)
    with torch.xpu.stream(reader):
        lanes.done.wait()
        seen = w.clone()
    held.release()
    torch.xpu.synchronize()
    results = results if isinstance(results, tuple) else (results,)
    return [each.tolist() for each in (*results, w, seen)]


def warm_up_training(run: Any) -> None:
    """Compile forward and backward for an aligned input."""
    lanes = Lanes.new()
    y = run(tensor(0.5, offset=0).requires_grad_(), lanes.ready, lanes.done, lanes.side)
    y.backward(tensor(0.25, offset=0))
    torch.xpu.synchronize()


# ---- training: (input, ready, done, side) -> one result


def square_after_wait(w: Tensor, ready: Any, done: Any, side: Any) -> Tensor:
    ready.wait()
    y = w * w
    done.record()
    return y


def view_saved(w: Tensor, ready: Any, done: Any, side: Any) -> Tensor:
    ready.wait()
    square = w.view(10, -1)
    y = ((square @ square.t()) @ square).flatten()
    done.record()
    return y


def branches(w: Tensor, ready: Any, done: Any, side: Any) -> Tensor:
    """The backward uses the gradient of the result first on the side, then here."""
    torch.xpu.current_stream().wait_event(ready)
    side.wait_event(ready)
    h = w * 2
    side.wait_stream(torch.xpu.current_stream())
    a = h * 2
    with torch.xpu.stream(side):
        b = h * 3
    torch.xpu.current_stream().wait_stream(side)
    done.record()
    return a + b


def event_in_backward(w: Tensor, ready: Any, done: Any, side: Any) -> Tensor:
    ready.wait()
    return _Announcing.apply(w * w, done)


class _Announcing(torch.autograd.Function):
    """Records an event in the backward, where the forward does nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, done: Any) -> Tensor:
        ctx.done = done
        return x * 2

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        ctx.done.record()
        return gradients[0] * 2, None


TRAINING = (square_after_wait, view_saved, branches, event_in_backward)


def train(run: Any, offset: int, latch: Latches) -> list[list[float]]:
    """Run forward and backward behind a latch; return the result and the gradient.

    What makes the input and the gradient of the result is held back until both are issued.
    """
    lanes, maker, made = Lanes.new(), torch.xpu.Stream(), torch.xpu.Event()
    w = tensor(0, offset=offset).requires_grad_()
    gradient = tensor(0, offset=offset)
    torch.xpu.synchronize()
    held = latch(maker)
    with torch.xpu.stream(maker), torch.no_grad():
        w.fill_(0.5)
        lanes.ready.record()
        gradient.fill_(0.25)
        made.record()
    y = run(w, lanes.ready, lanes.done, lanes.side)
    made.wait()
    y.backward(gradient)
    held.release()
    torch.xpu.synchronize()
    assert w.grad is not None
    return [y.tolist(), w.grad.tolist()]
