"""The order of the passes: as it is written down, and as it is carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest
import torch
from expecttest import assert_expected_inline

from xpu_dynamo_event.passes import pipeline


def names(passes: Iterable[Any]) -> str:
    return "\n".join(f"{each.__module__.split('.')[-1]}.{each.__name__}" for each in passes)


def test_passes_around_the_backend() -> None:
    assert_expected_inline(
        names(pipeline.AROUND_BACKEND),
        """\
streams_of_bodies.refusing_others
write_back.noting_inputs
lifetimes.keeping_streams
exported.reading_current_streams""",
    )


def test_passes_on_the_graph_of_aotautograd() -> None:
    assert_expected_inline(
        names(pipeline.ON_AOT_GRAPH),
        """\
aot.results_in_forward
lifetimes.name_current_streams
write_back.write_back_early
lifetimes.note_uses
recomputation.repeat_in_backward
backward_streams.follow_forward
fences.put_fences
ordering.pin_to_phases
ordering.order_event_ops""",
    )


def test_passes_before_a_graph_runs_as_it_is() -> None:
    assert_expected_inline(
        names(pipeline.BEFORE_RUNNING),
        """\
pinned_buffers.fill_in_place
direct_copies.copy_all_directly
direct_calls.call_directly""",
    )


def test_passes_run_in_this_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pass says when it runs; the first around the backend is the outermost."""
    said: list[str] = []

    def around(original: Callable[..., Any], module: Any, compile_: Callable[[], Any]) -> Any:
        def compile_inside() -> Any:
            said.append(f"{original.__name__} compiles")
            return compile_()

        said.append(original.__name__)
        return original(module, compile_inside)

    def on_graph(original: Callable[..., Any], graph: torch.fx.Graph) -> None:
        said.append(f"  {original.__name__}")
        original(graph)

    for name, tell in (
        ("AROUND_BACKEND", around),
        ("ON_AOT_GRAPH", on_graph),
        ("BEFORE_RUNNING", on_graph),
    ):
        passes = [partial(tell, each) for each in getattr(pipeline, name)]
        monkeypatch.setattr(pipeline, name, tuple(passes))

    def program(x: torch.Tensor, event: torch.Event) -> torch.Tensor:
        y = x * 2
        event.record()
        return y.sin()

    torch.compiler.reset()
    x = torch.ones(2, device="xpu", requires_grad=True)
    event = torch.xpu.Event()
    torch.compile(program, backend="aot_eager", fullgraph=True)(x, event).sum().backward()
    assert_expected_inline(
        "\n".join(said),
        """\
refusing_others
refusing_others compiles
noting_inputs
noting_inputs compiles
keeping_streams
keeping_streams compiles
reading_current_streams
reading_current_streams compiles
  results_in_forward
  name_current_streams
  write_back_early
  note_uses
  repeat_in_backward
  follow_forward
  put_fences
  pin_to_phases
  order_event_ops
  fill_in_place
  copy_all_directly
  call_directly
  fill_in_place
  copy_all_directly
  call_directly""",
    )
