"""Capturing a program: its normal form, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.fx import GraphModule

from .kit import Kit
from .normalise import normal_form
from .programs import PROGRAMS, Factory
from .upstream import compiler

TRACKINGS = ("ours", "upstream")

Outcome = dict[str, Any]
"""Either ``{"form": [...]}`` or ``{"error": "..."}``."""


@contextmanager
def tracking(kind: str, device: str) -> Iterator[None]:
    """Make Dynamo see events as this project does, or as torch does.

    Args:
        kind: ``"ours"`` or ``"upstream"``.
        device: Where the programs run; on CUDA there is upstream's tracking alone.
    """
    torch.compiler.reset()
    if device == "cuda":
        assert kind == "upstream", "this project captures events of xpu only"
        yield
    else:
        import xpu_dynamo_event

        with xpu_dynamo_event.enabled(kind == "ours"):
            yield
    torch.compiler.reset()


def capture(factory: Factory, kit: Kit, compile_with: str) -> Outcome:
    """Compile a program without graph breaks, run it, and return what was captured.

    The result, and in training the gradients too, must be those of eager. Anything that fails is
    an outcome, not an exception.

    Args:
        factory: Makes the program.
        kit: The device it runs on.
        compile_with: Name of the backend that gets the captured graph.
    """
    forms: list[list[str]] = []
    compile_ = compiler(compile_with)

    def backend(graph: GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        forms.append(normal_form(graph, kit.device))
        return compile_(graph, inputs)

    try:
        expected = _run(*factory(kit), kit)
        function, args = factory(kit)
        actual = _run(torch.compile(function, backend=backend, fullgraph=True), args, kit)
        if actual != expected:
            return {"error": "another result than in eager"}
    except Exception as error:
        return {"error": describe(error)}
    return {"form": [line for form in forms for line in form]}


def capture_all(kind: str, kit: Kit) -> dict[str, Outcome]:
    """Capture every program; each starts with nothing compiled."""
    # What Dynamo captures is the same for each backend, and that is what is asked of upstream. Ours
    # is also taken through AOTAutograd.
    compile_with = {"ours": "aot_eager", "upstream": "eager"}[kind]
    outcomes = {}
    for name, factory in PROGRAMS.items():
        with tracking(kind, kit.device):
            outcomes[name] = capture(factory, kit, compile_with)
    return outcomes


def describe(error: BaseException) -> str:
    """Return the kind of an error and the first line of what it says."""
    error = getattr(error, "inner_exception", error)  # of a backend, which Dynamo wraps
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}".removesuffix(": ")


def _run(function: Callable[..., Any], args: tuple[Any, ...], kit: Kit) -> list[Any]:
    """Run a program, in training its backward too; return what it computed, without events."""
    result = function(*args)
    results = result if isinstance(result, tuple) else (result,)
    kit.synchronize()
    tensors = [value for value in results if isinstance(value, torch.Tensor)]
    if tensors[0].requires_grad:
        torch.autograd.backward(tensors[0].sum())
        tensors += [
            arg.grad for arg in args if isinstance(arg, torch.Tensor) and arg.grad is not None
        ]
    kit.synchronize()
    flags = [value for value in results if isinstance(value, bool)]
    return [*(tensor.tolist() for tensor in tensors), *flags]
