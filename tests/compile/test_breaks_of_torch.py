"""What torch cannot put into one graph, with or without events, says so and names the way out.

docs/graph-breaks.md has a section on each; each test also runs what it says to write instead.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from xpu_dynamo_event._compat import versions

SIZE = 8


def ones() -> torch.Tensor:
    tensor = torch.ones(SIZE, device="xpu")
    torch.xpu.synchronize()
    return tensor


def test_double_backward(backend: str) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        y = x.sin()
        event.record()
        return y.sum()

    x = ones().requires_grad_()
    run = torch.compile(use, backend=backend, fullgraph=True)
    (first,) = torch.autograd.grad(run(x, torch.xpu.Event()), x, create_graph=True)
    if backend == "eager":
        (second,) = torch.autograd.grad(first.sum(), x)
        torch.testing.assert_close(second.cpu(), -torch.ones(SIZE).sin())
    else:
        with pytest.raises(RuntimeError, match="does not currently support double backward"):
            torch.autograd.grad(first.sum(), x)


def test_full_backward_hook_of_a_module(backend: str) -> None:
    event = torch.xpu.Event()
    module = torch.nn.Linear(SIZE, SIZE).to("xpu")
    handle = module.register_full_backward_hook(lambda _module, _in, _out: event.record())
    run = torch.compile(module, backend=backend, fullgraph=True)
    with pytest.raises(Exception, match="backwards hooks require compiled autograd"):
        run(ones().requires_grad_())

    handle.remove()

    def with_tensor_hook(x: torch.Tensor) -> torch.Tensor:
        out = module(x)

        def hook(grad: torch.Tensor) -> torch.Tensor:
            event.record()
            return grad

        out.register_hook(hook)
        return out.sum()

    torch.compile(with_tensor_hook, backend=backend, fullgraph=True)(ones()).backward()
    event.synchronize()
    assert event.sycl_event != 0


class Measured:
    """A context manager that records at both ends."""

    def __init__(self) -> None:
        self.begin, self.end = torch.xpu.Event(), torch.xpu.Event()

    def __enter__(self) -> None:
        self.begin.record()

    def __exit__(self, *_error: object) -> None:
        self.end.record()


def test_context_manager_object_made_outside(backend: str) -> None:
    measured = Measured()

    def use(x: torch.Tensor) -> torch.Tensor:
        with measured:
            return x + 1

    run = torch.compile(use, backend=backend, fullgraph=True)
    if versions.minor() >= (2, 14):
        assert run(ones()).tolist() == [2.0] * SIZE
        measured.end.synchronize()
        assert measured.begin.sycl_event != measured.end.sycl_event
    else:
        with pytest.raises(Exception, match="Unsupported context manager"):
            run(ones())

    def made_inside(x: torch.Tensor) -> tuple[torch.Tensor, Any]:
        inside = Measured()
        with inside:
            y = x + 1
        return y, inside.end

    y, end = torch.compile(made_inside, backend=backend, fullgraph=True)(ones())
    end.synchronize()
    assert y.tolist() == [2.0] * SIZE


def test_optimizer_step_in_one_graph(backend: str) -> None:
    weight = torch.nn.Parameter(ones())
    weight.grad = ones()
    optimizer = torch.optim.SGD([weight], lr=0.5)
    event = torch.xpu.Event()

    def use() -> None:
        optimizer.step()
        event.record()

    with pytest.raises(Exception, match="graph_break"):
        torch.compile(use, backend=backend, fullgraph=True)()
    torch.compile(use, backend=backend)()
    event.synchronize()
    assert weight.tolist() == [0.5] * SIZE
