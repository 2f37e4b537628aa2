"""Programs with events for Inductor's C++ wrapper: each takes the same operands."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

FIRST, SECOND = torch.xpu.Event(), torch.xpu.Event()


class Holder:
    """Events and a stream as attributes."""

    def __init__(self) -> None:
        self.ready, self.stream = torch.xpu.Event(), torch.xpu.Stream()


HOLDER = Holder()


def given(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    side.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(side):
        y = x @ w + 1
        event.record()
    event.wait()
    return y.relu() * 2


def global_ones(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    FIRST.record()
    with torch.xpu.stream(side):
        FIRST.wait()
        y = functional.linear(x, w).softmax(-1)
        SECOND.record()
    SECOND.wait()
    return y + x


def attributes(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    HOLDER.stream.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(HOLDER.stream):
        y = (x * 3).sort().values
        HOLDER.ready.record()
    HOLDER.ready.wait()
    return y - w


def made(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    stream, ready, back = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    ready.record()
    with torch.xpu.stream(stream):
        ready.wait()
        y = x.cumsum(0)
        back.record()
    back.wait()
    return y @ w


def made_and_returned(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    ready = torch.xpu.Event(enable_timing=True)
    y = x * w
    ready.record()
    return y, ready, event, side, None


def readings(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    start, end = (torch.xpu.Event(enable_timing=True) for _ in range(2))
    start.record()
    y = x @ w
    end.record()
    end.synchronize()
    return y, end.query(), start.elapsed_time(end) >= 0


def all_waits(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    side.wait_event(event)
    y = x + 1
    event.record(side)
    torch.xpu.current_stream().wait_event(event)
    side.synchronize()
    event.synchronize()
    torch.xpu.synchronize()
    return y * w


def another_use(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    y = x * 2
    side.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(side):
        z = y + w
    y.record_stream(side)
    del y
    torch.xpu.current_stream().wait_stream(side)
    return z


def operators(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    event.record()
    with torch.xpu.stream(side):
        event.wait()
        index = torch.arange(4, device="xpu")
        scattered = x.index_put((index,), w[:4], accumulate=True)
        added = scattered.scatter_add(0, index.unsqueeze(1), w)
        image = added.reshape(1, 1, 8, 8)
        pooled = functional.max_pool2d(functional.conv2d(image, w[:3, :3].reshape(1, 1, 3, 3)), 2)
    torch.xpu.current_stream().wait_stream(side)
    return pooled, torch.topk(added, 2), torch.bmm(x[None], w[None])


def on_host(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    y = (x + w).sum()
    event.record()
    number = y.cpu() * 2
    event.wait()
    return number, x * torch.tensor(3.0)


def branch(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    def with_event(x: Tensor) -> Tensor:
        event.record()
        return x + 1

    def on_side(x: Tensor) -> Tensor:
        side.wait_stream(torch.xpu.current_stream())
        with torch.xpu.stream(side):
            y = x.cumsum(0)
        torch.xpu.current_stream().wait_stream(side)
        return y

    one, other = torch.tensor(True), torch.tensor(False)
    return torch.cond(one, with_event, on_side, (x,)), torch.cond(other, with_event, on_side, (w,))


def loop(x: Tensor, w: Tensor, side: Any, event: Any) -> Any:
    def body(i: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        event.record()
        return i + 1, x * 2

    return torch.while_loop(lambda i, _: i < 3, body, (torch.tensor(0), x))


PROGRAMS = (
    given,
    global_ones,
    attributes,
    made,
    made_and_returned,
    readings,
    all_waits,
    another_use,
    operators,
    on_host,
    branch,
    loop,
)


def operands() -> tuple[Tensor, Tensor, Any, Any]:
    generator = torch.Generator().manual_seed(7)
    x, w = (torch.rand(8, 8, generator=generator).to("xpu") for _ in range(2))
    return x, w, torch.xpu.Stream(), torch.xpu.Event()
