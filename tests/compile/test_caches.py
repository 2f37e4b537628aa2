"""FxGraphCache and AOTAutogradCache keep graphs with events, and never mix two of them up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from cached_programs import PROGRAMS, compile_and_check, counts
from event_classes import measures_time
from own_process import run_program
from torch._dynamo.utils import counters
from torch._inductor.utils import fresh_cache

from xpu_dynamo_event.testing import hold

HERE = str(Path(__file__).parent)

pytestmark = pytest.mark.slow  # Inductor, with empty caches


@pytest.fixture(autouse=True)
def empty_caches(tmp_path: Path) -> Iterator[None]:
    with fresh_cache(dir=str(tmp_path)):
        yield


def compiled_again(fn: Callable[..., Any]) -> Any:
    """Compile ``fn`` as if for the first time, with counters at zero."""
    torch.compiler.reset()
    counters.clear()
    return torch.compile(fn, fullgraph=True)


# ---- hits


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_compiling_again_is_a_hit(program: Any, training: bool) -> None:
    graphs = 2 if training else 1
    first = compile_and_check(program, training)
    assert first == {"fxgraph_cache_miss": graphs, "autograd_cache_miss": 1}
    second = compile_and_check(program, training)
    assert second == {"fxgraph_cache_hit": graphs, "autograd_cache_hit": 1}


IN_ANOTHER_PROCESS = f"""
    import sys, warnings
    warnings.filterwarnings("ignore", ".torch.jit", DeprecationWarning)  # Inductor imports it
    sys.path.insert(0, {HERE!r})
    import cached_programs
    cached_programs.main()
"""


def test_another_process_hits(tmp_path: Path) -> None:
    folder = str(tmp_path / "shared")
    first, second = (
        json.loads(run_program(IN_ANOTHER_PROCESS, TORCHINDUCTOR_CACHE_DIR=folder))
        for _ in range(2)
    )
    assert all(seen.get("autograd_cache_miss") == 1 for seen in first.values()), first
    for name, seen in second.items():
        graphs = 2 if name.endswith("True") else 1
        assert seen == {"fxgraph_cache_hit": graphs, "autograd_cache_hit": 1}, name
    assert len(second) == 2 * len(PROGRAMS)


def test_a_recorded_event_and_a_new_one_are_one_entry() -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        y = x + 1
        event.record()
        return y

    x, event = torch.ones(4, device="xpu"), torch.xpu.Event()
    compiled_again(use)(x, event)
    compiled_again(use)(x, event)
    assert counts() == {"fxgraph_cache_hit": 1, "autograd_cache_hit": 1}
    compiled_again(use)(x, torch.xpu.Event(enable_timing=True))
    assert counts() == {"fxgraph_cache_hit": 1, "autograd_cache_hit": 1}


def test_a_hit_returns_an_event_of_the_class_that_was_made() -> None:
    def use(x: torch.Tensor) -> Any:
        event = torch.Event("xpu")
        y = x + 1
        event.record()
        return y, event

    x = torch.ones(4, device="xpu")
    compiled_again(use)(x)
    _, event = compiled_again(use)(x)
    assert counts()["autograd_cache_hit"] == 1
    assert type(event) is torch.Event


def test_an_event_saved_for_the_backward() -> None:
    """The backward of a hit records the event of its own forward."""

    def layer(x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        y = x.sin()
        event.record(stream)
        return y.cos()

    def use(x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        return torch.utils.checkpoint.checkpoint(layer, x, event, stream, use_reentrant=False)

    def train() -> None:
        x = torch.ones(4, device="xpu", requires_grad=True)
        event, stream = torch.xpu.Event(), torch.xpu.Stream()
        y = compiled_again(use)(x, event, stream)
        with hold(stream):
            y.sum().backward()
        torch.xpu.synchronize()
        assert event.sycl_event != 0
        one = torch.ones(4)
        torch.testing.assert_close(x.grad.cpu(), -one.sin().sin() * one.cos())

    train()
    train()
    assert counts() == {"fxgraph_cache_hit": 2, "autograd_cache_hit": 1}


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own
def test_an_event_of_the_backward_of_a_custom_function() -> None:
    """Torch keeps custom autograd functions in AOTAutogradCache only where it is told to."""

    def train() -> None:
        event = torch.xpu.Event()

        class Scale(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
                return x * 3

            @staticmethod
            def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
                out = grad * 3
                event.record()
                return out

        x = torch.ones(4, device="xpu", requires_grad=True)
        y = compiled_again(lambda x: Scale.apply(x.sin()))(x)
        assert event.sycl_event == 0, "nothing is recorded in the forward"
        with hold():
            y.sum().backward()
            assert event.sycl_event != 0
            assert not event.query()

    with torch._functorch.config.patch(autograd_cache_allow_custom_autograd_functions=True):
        train()
        train()
    assert counts() == {"fxgraph_cache_hit": 2, "autograd_cache_hit": 1}


# ---- what must not hit


def timed(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    made = torch.xpu.Event(enable_timing=True)
    y = x * 2
    made.record()
    return y + 1, made


def untimed(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    made = torch.xpu.Event(enable_timing=False)
    y = x * 2
    made.record()
    return y + 1, made


def of_torch(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    made = torch.Event("xpu", enable_timing=True)
    y = x * 2
    made.record()
    return y + 1, made


def record(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    y = x * 2
    event.record()
    return y + 1, event


def record_later(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    y = x * 2 + 1
    event.record()
    return y, event


def record_twice(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    y = x * 2
    event.record()
    z = y + 1
    event.record()
    return z, event


def wait(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    y = x * 2
    event.wait()
    return y + 1, event


def one_stream(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    y = x * 2
    with torch.xpu.stream(first):
        event.record()
    with torch.xpu.stream(first):
        event.wait()
    return y + 1, event


def two_streams(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    y = x * 2
    with torch.xpu.stream(first):
        event.record()
    with torch.xpu.stream(second):
        event.wait()
    return y + 1, event


def nested_streams(x: torch.Tensor, event: Any, first: Any, second: Any) -> Any:
    y = x * 2
    with torch.xpu.stream(first):
        event.record()
        with torch.xpu.stream(second):
            event.wait()
    return y + 1, event


ALL_DIFFERENT = [
    timed,
    untimed,
    of_torch,
    record,
    record_later,
    record_twice,
    wait,
    one_stream,
    two_streams,
    nested_streams,
]


def test_no_two_programs_share_an_entry() -> None:
    x = torch.ones(4, device="xpu")
    for program in ALL_DIFFERENT:
        run = compiled_again(program)
        y, event = run(x, torch.xpu.Event(), torch.xpu.Stream(), torch.xpu.Stream())
        torch.xpu.synchronize()
        assert counts() == {"fxgraph_cache_miss": 1, "autograd_cache_miss": 1}, program.__name__
        assert y.tolist() == [3.0] * 4, program.__name__
        if program in (timed, untimed):
            assert measures_time(event) == (program is timed)
        assert (type(event) is torch.Event) == (program is of_torch)


def test_one_event_twice_is_not_two_events() -> None:
    def use(x: torch.Tensor, one: Any, other: Any, stream: Any) -> torch.Tensor:
        y = x + 1
        one.record(stream)
        other.wait()
        return y * 2

    def call(one: Any, other: Any, waits: bool) -> None:
        stream = torch.xpu.Stream()
        with hold(stream):
            compiled_again(use)(x, one, other, stream)
            if waits:
                assert not torch.xpu.current_stream().query()
            else:
                torch.xpu.current_stream().synchronize()  # returns, although `stream` is held
        torch.xpu.synchronize()

    x, same = torch.ones(4, device="xpu"), torch.xpu.Event()
    torch.xpu.synchronize()
    call(same, same, waits=True)
    call(torch.xpu.Event(), torch.xpu.Event(), waits=False)
    assert counts()["autograd_cache_miss"] == 1
    call(same, same, waits=True)
    assert counts()["autograd_cache_hit"] == 1


def test_programs_that_differ_only_in_which_stream_they_name() -> None:
    """They may share code, since a graph has its streams as inputs, but not a stream."""

    def on_first(x: torch.Tensor, event: Any, first: Any, second: Any) -> torch.Tensor:
        y = x + 1
        event.record(first)
        return y

    def on_second(x: torch.Tensor, event: Any, first: Any, second: Any) -> torch.Tensor:
        y = x + 1
        event.record(second)
        return y

    x, first, second = torch.ones(4, device="xpu"), torch.xpu.Stream(), torch.xpu.Stream()
    compiled_again(on_first)(x, torch.xpu.Event(), first, second)
    torch.xpu.synchronize()
    event = torch.xpu.Event()
    with hold(second):
        compiled_again(on_second)(x, event, first, second)
        assert not event.query()
