"""Threads trace and run graphs at once: what torch keeps for the whole process stays in order."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from own_process import run_program
from torch.fx import symbolic_trace, traceback
from torch.fx._lazy_graph_module import _LazyGraphModule
from torch.utils.checkpoint import checkpoint

from xpu_dynamo_event import enabled, explain


@pytest.fixture(autouse=True)
def often_another_thread() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[], object], threads: int = 4) -> list[Exception]:
    """Run ``work`` in threads that begin together; return what they raised."""
    begin, raised = threading.Barrier(threads), []

    def run() -> None:
        begin.wait()
        try:
            work()
        except Exception as error:  # the caller looks at it
            raised.append(error)

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return raised


def line(x: torch.Tensor, event: Any) -> torch.Tensor:
    y = x + 1
    event.record()
    return y


def where_it_comes_from() -> list[str]:
    (graph,) = explain(line, torch.ones(2, device="xpu"), torch.xpu.Event()).graphs
    return [step.source.split(": ")[1] for step in graph.steps]


def test_a_checkpointed_region_in_threads_leaves_its_lines_to_no_other_graph() -> None:
    def region(x: torch.Tensor, event: Any) -> torch.Tensor:
        event.record()
        return x.sin().cos()

    def use(x: torch.Tensor, event: Any) -> Any:
        return checkpoint(region, x, event, use_reentrant=False)

    run = torch.compile(use, backend="eager")  # no fullgraph: see test_calls.py
    x, event = torch.ones(4, device="xpu", requires_grad=True), torch.xpu.Event()
    run(x, event)
    assert at_once(lambda: [run(x, event) for _ in range(300)]) == []
    assert not traceback.should_preserve_node_meta
    assert where_it_comes_from() == ["y = x + 1", "event.record()"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_left_in_any_order_all_is_as_before(order: tuple[int, ...]) -> None:
    entered = [traceback.preserve_node_meta(enable) for enable in (True, False, True)]
    for each in entered:
        each.__enter__()
    traceback.set_stack_trace(["of somebody else"])
    assert traceback.get_current_meta() == {"stack_trace": "of somebody else"}
    for index in order:
        entered[index].__exit__(None, None, None)
    assert not traceback.should_preserve_node_meta
    assert traceback.get_current_meta() == {}


def test_the_first_call_of_a_graph_may_be_made_by_all_threads() -> None:
    def use(x: int) -> int:
        for _ in range(30):
            x = x + 1
        return x

    for _ in range(100):
        module = _LazyGraphModule({}, symbolic_trace(use).graph)
        assert at_once(lambda call=module: call(1)) == []
        assert module(1) == 31


@pytest.mark.parametrize("first", ["torch._functorch.aot_autograd", "torch._dynamo"])
def test_who_compiles_first_waits_until_capture_is_in_place(first: str) -> None:
    """Another thread is importing what does it, and goes on when this one has compiled, or may."""
    said = run_program(
        f"""
        import importlib, sys, threading, torch, xpu_dynamo_event

        imports, compiled, graphs = threading.Event(), threading.Event(), []

        class Held:  # at the import of the first part of this package
            def find_spec(self, name, path=None, target=None):
                if name == "xpu_dynamo_event.passes.direct_calls":
                    imports.set()
                    compiled.wait(3)

        sys.meta_path.insert(0, Held())

        def backend(graph, inputs):
            graphs.append(graph.print_readable(print_output=False))
            return graph.forward

        def compile_one():
            event = torch.xpu.Event()

            def use(x):
                event.record()
                return x + 1

            torch.compile(use, backend=backend)(torch.ones(2, device="xpu"))

        def import_and_compile():
            importlib.import_module({first!r})
            compile_one()

        one = threading.Thread(target=import_and_compile)
        one.start()
        assert imports.wait(60)
        compile_one()
        compiled.set()
        one.join()
        print(["xpu_event.record" in graph for graph in graphs])
        """
    )
    assert said == "[True, True]\n"


def test_undone() -> None:
    with enabled(False):
        assert traceback.preserve_node_meta.__module__ == "torch.fx.traceback"
        assert _LazyGraphModule.real_recompile.__module__ == "torch.fx._lazy_graph_module"
    assert traceback.preserve_node_meta.__module__ == "xpu_dynamo_event._compat.threads"
