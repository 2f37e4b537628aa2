"""Exported programs have the event ops, run them, and export runs none of them."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from event_classes import measures_time
from own_process import run_program
from torch.export import ExportedProgram, export
from warming import warm

import xpu_dynamo_event
from xpu_dynamo_event.testing import hold

# Torch's own, from copying the structure of arguments in run_decompositions.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")

both_ways = pytest.mark.parametrize("strict", [True, False], ids=["strict", "non-strict"])


def event_ops(program: ExportedProgram) -> list[str]:
    """The event and stream ops of a program, in order."""
    targets = [str(node.target) for node in program.graph.nodes]
    return [t.split(".")[1] for t in targets if t.startswith("xpu_event.")]


def ones() -> torch.Tensor:
    return torch.ones(4, device="xpu")


@pytest.fixture
def side() -> Iterator[torch.xpu.Stream]:
    yield torch.xpu.Stream()
    torch.xpu.synchronize()


class Holds(torch.nn.Module):
    """Holds the objects that it uses: as attributes, in a list, and deeper."""

    def __init__(self, side: Any, event: Any) -> None:
        super().__init__()
        self.side = side
        self.event = event
        self.more = [torch.xpu.Event()]
        self.child = torch.nn.Linear(4, 4, device="xpu")
        self.child.event = torch.xpu.Event()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.child(x)
        self.event.record(self.side)
        self.more[0].record(self.side)
        self.child.event.record(self.side)
        self.event.wait(self.side)
        return y * 2


class Given(torch.nn.Module):
    """Records the event that it is given on the stream that it is given."""

    def forward(self, x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        y = x + 1
        event.record(stream)
        return y * 2


class Makes(torch.nn.Module):
    """Makes an event, and uses it over two streams."""

    def forward(self, x: torch.Tensor, side: Any) -> tuple[torch.Tensor, torch.Tensor]:
        y = x + 1
        side.wait_stream(torch.xpu.current_stream())
        ready = torch.xpu.Event(enable_timing=True)
        with torch.xpu.stream(side):
            z = y * 2
            ready.record()
        late = ready.query()
        ready.wait()
        return z + y, late


# ---- what the module holds


@both_ways
@pytest.mark.parametrize("kind", [torch.xpu.Event, torch.Event])
@pytest.mark.parametrize("stream_kind", [torch.xpu.Stream, torch.Stream])
def test_what_a_module_holds(strict: bool, kind: Any, stream_kind: Any) -> None:
    module = Holds(stream_kind(device="xpu"), kind(device="xpu") if kind is torch.Event else kind())
    events = [module.event, *module.more, module.child.event]
    program = export(module, (ones(),), strict=strict)
    assert event_ops(program) == ["record", "record", "record", "wait"]
    torch.xpu.synchronize()
    with hold(module.side):
        assert all(event.query() for event in events), "nothing was recorded at export"
        y = program.module()(ones())
        assert not any(event.query() for event in events)
    torch.testing.assert_close(y, module.child(ones()) * 2)
    assert module.event is events[0]
    assert type(module.event) is kind


@both_ways
def test_a_program_names_what_the_module_names(strict: bool, side: Any) -> None:
    module = Holds(side, torch.xpu.Event())
    program = export(module, (ones(),), strict=strict)
    assert program.constants["event"] is module.event
    assert program.constants["child.event"] is module.child.event
    assert program.constants["side"] is module.side
    assert program.module().child.event is module.child.event


@both_ways
def test_what_a_closure_holds(strict: bool, side: Any) -> None:
    event = torch.xpu.Event()

    class Encloses(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x + 1
            event.record(side)
            return y

    program = export(Encloses(), (ones(),), strict=strict)
    assert event.sycl_event == 0
    with hold(side):
        program.module()(ones())
        assert not event.query()


PLAIN_EVENT = torch.Event("xpu") if torch.xpu.is_available() else None


def test_what_cannot_be_seen_is_refused() -> None:
    """The methods of these C types cannot be replaced; Dynamo needs no replacement."""
    stream = torch.Stream("xpu")

    class Encloses(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x + 1
            stream.synchronize()
            return y

    class Names(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x + 1
            PLAIN_EVENT.record()
            return y

    for module, name in ((Encloses(), "stream"), (Names(), "PLAIN_EVENT")):
        with pytest.raises(TypeError, match=f"'{name}', a torch.* use a torch.xpu"):
            export(torch.nn.Sequential(module), (ones(),), strict=False)
        assert len(event_ops(export(module, (ones(),), strict=True))) == 1
    assert PLAIN_EVENT.event_id == 0


def test_a_user_class(side: Any) -> None:
    class Named(torch.xpu.Event):
        name = "mine"

    module = Holds(side, Named())
    program = export(module, (ones(),), strict=False)
    with hold(side):
        program.module()(ones())
        assert not module.event.query()


# ---- what the module is given


@both_ways
@pytest.mark.parametrize("kind", ["torch.xpu", "torch"])
def test_arguments_are_those_of_the_call(strict: bool, kind: str) -> None:
    def pair() -> tuple[Any, Any]:
        if kind == "torch":
            return torch.Event("xpu"), torch.Stream("xpu")
        return torch.xpu.Event(), torch.xpu.Stream()

    first, stream = pair()
    program = export(Given(), (ones(), first, stream), strict=strict)
    assert event_ops(program) == ["record"]
    run = program.module()
    with hold(stream):
        assert first.query(), "nothing was recorded at export"
        run(ones(), first, stream)
        assert not first.query()
    second, other = pair()
    with hold(other):
        y = run(ones(), second, other)
        assert not second.query()
    assert y.tolist() == [4.0] * 4


@both_ways
def test_containers_of_arguments(strict: bool, side: Any) -> None:
    class Pipeline(torch.nn.Module):
        def forward(self, x: torch.Tensor, using: dict[str, Any]) -> torch.Tensor:
            y = x + 1
            for event in using["events"]:
                using["stream"].record_event(event)
            return y

    def using() -> dict[str, Any]:
        return {"events": [torch.xpu.Event(), torch.Event("xpu")], "stream": side}

    program = export(Pipeline(), (ones(),), {"using": using()}, strict=strict)
    given = using()
    with hold(side):
        program.module()(ones(), using=given)
        assert not any(event.query() for event in given["events"])


# ---- what the module makes


@both_ways
def test_made_events_are_new_in_each_call(strict: bool, side: Any) -> None:
    program = export(Makes(), (ones(), side), strict=strict)
    ops = event_ops(program)
    assert [op for op in ops if op not in ("create", "current_stream", "note_uses")] == [
        "wait_stream",
        "set_stream",
        "record",
        "set_stream",
        "query",
        "wait",
    ]
    assert ops.count("create") == 1
    run = program.module()
    with hold(side):
        y, late = run(ones(), side)
        assert not late
        assert not torch.xpu.current_stream().query(), "the join waits for the held stream"
        other = torch.xpu.Stream()
        run_elsewhere, late = run(ones(), other)
        assert not torch.xpu.current_stream().query()
    assert y.tolist() == run_elsewhere.tolist() == [6.0] * 4


@both_ways
def test_equal_events_are_two(strict: bool, side: Any) -> None:
    """Also for the common-subexpression elimination of a training graph."""

    class Two(torch.nn.Module):
        def forward(self, x: torch.Tensor, side: Any) -> Any:
            first, second = torch.xpu.Event(), torch.xpu.Event()
            y = x.sin()
            first.record()
            second.record(side)
            first.synchronize()
            return y.cos(), second.query()

    x = ones().requires_grad_()
    program = export(Two(), (x, side), strict=strict)
    run = torch.compile(program.module())
    warm(run, x, side)
    with hold(side):
        _, done = run(x, side)
        assert not done


def test_elapsed_time_and_stream_methods() -> None:
    """What Python reads becomes a tensor, since the value exists only when the program runs."""

    class Measures(torch.nn.Module):
        def forward(self, x: torch.Tensor, side: Any) -> Any:
            start, end = (torch.xpu.Event(enable_timing=True) for _ in range(2))
            start.record()
            y = x + 1
            idle = side.query()
            side.synchronize()
            end.record()
            torch.xpu.synchronize()
            torch.accelerator.synchronize()
            return y, start.elapsed_time(end), idle

    side = torch.xpu.Stream()
    program = export(Measures(), (ones(), side), strict=False)
    assert event_ops(program) == [
        "create",
        "create",
        "record",
        "query_stream",
        "synchronize_stream",
        "record",
        "synchronize_device",
        "synchronize_device",
        "elapsed_time",
    ]
    _, elapsed, idle = program.module()(ones(), side)
    assert elapsed.dtype == torch.float64
    assert elapsed > 0
    assert idle


def test_a_user_class_made_inside_is_refused() -> None:
    class Mine(torch.xpu.Event):
        pass

    class Maker(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            Mine().record()
            return x + 1

    with pytest.raises(TypeError, match="cannot make a Mine in the program.*Make it outside"):
        export(Maker(), (ones(),), strict=False)


@both_ways
def test_returned_events(strict: bool) -> None:
    class Returns(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.held = torch.xpu.Event()

        def forward(self, x: torch.Tensor, given: Any) -> Any:
            y = x + 1
            made = torch.xpu.Event(enable_timing=True)
            for event in (self.held, given, made):
                event.record()
            return y, self.held, given, made

    module = Returns()
    program = export(module, (ones(), torch.xpu.Event()), strict=strict)
    with hold():
        given = torch.xpu.Event()
        _, held, same, made = program.module()(ones(), given)
        assert held is module.held
        assert same is given
        assert [event.query() for event in (held, same, made)] == [False] * 3
    assert measures_time(made)


@pytest.mark.parametrize("name", ["device", "event_id", "sycl_event"])
@both_ways
def test_what_exists_only_at_run_time_is_not_baked(strict: bool, name: str) -> None:
    class Reads(torch.nn.Module):
        def forward(self, x: torch.Tensor, event: Any) -> Any:
            return x + 1, getattr(event, name)

    event = torch.xpu.Event()
    with pytest.raises(Exception, match=f"'{name}'.* of an event"):
        export(Reads(), (ones(), event), strict=strict)
    assert getattr(event, name) in (0, None, torch.device("xpu"))
    if name != "sycl_event" and not strict:
        with pytest.raises(RuntimeError, match=f"'{name}' of an event: it exists only when"):
            export(Reads(), (ones(), torch.Event("xpu")), strict=False)


@both_ways
def test_a_branch_on_a_reading_is_refused(strict: bool) -> None:
    class Branches(torch.nn.Module):
        def forward(self, x: torch.Tensor, event: Any) -> torch.Tensor:
            return x + 1 if event.query() else x

    message = r"Branch on a reading.*event\.query\(\)|[dD]ata-dependent"  # traced, and not strict
    with pytest.raises(Exception, match=re.compile(message, re.DOTALL)):
        export(Branches(), (ones(), torch.xpu.Event()), strict=strict)


# ---- streams


class SwitchesTwice(torch.nn.Module):
    """Leaves the current stream in both ways there are, and asks for it."""

    def forward(self, x: torch.Tensor, side: Any, event: Any) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.xpu.stream(side):
            y = x + 1
            with side:
                torch.xpu.current_stream().record_event(event)
        return y, x + 1


@both_ways
@pytest.mark.parametrize("kind", [torch.xpu.Stream, torch.Stream])
def test_the_current_stream_is_that_of_the_call(strict: bool, kind: Any) -> None:
    """The stream to come back to is not the one that was current at the export."""
    side, event = kind(device="xpu"), torch.xpu.Event()
    program = export(SwitchesTwice(), (ones(), side, event), strict=strict)
    assert event.sycl_event == 0
    entry, x = torch.xpu.Stream(), ones()
    torch.xpu.synchronize()
    with torch.xpu.stream(entry), hold(side):
        there, here = program.module()(x, side, event)
        assert torch.xpu.current_stream() == entry
        entry.synchronize()
        assert here.tolist() == [2.0] * 4
        assert not event.query()
    side.synchronize()
    assert there.tolist() == [2.0] * 4


@both_ways
def test_memory_of_another_stream_is_kept(strict: bool, side: Any) -> None:
    """A program frees ``y`` before it returns, while the held stream has still to read it."""

    class Reads(torch.nn.Module):
        def forward(self, x: torch.Tensor, side: Any, ready: Any) -> Any:
            y = x + 1
            ready.record()
            with torch.xpu.stream(side):
                ready.wait()
                z = y @ y
            later = y - 101  # the last use of `y` that the program sees
            for _ in range(4):
                later = later @ x
            return z, later

    x, ready = torch.eye(256, device="xpu"), torch.xpu.Event()
    run = export(Reads(), (x, side, ready), strict=strict).module()
    expected = ((x + 1) @ (x + 1)).cpu()
    for _ in range(4):
        with hold(side):
            z, later = run(x, side, ready)
            torch.xpu.current_stream().synchronize()  # all of `later` ran while `side` was held
        side.synchronize()
        torch.testing.assert_close(z.cpu(), expected)
        torch.testing.assert_close(later.cpu(), torch.eye(256) - 100)


# ---- what is done with programs


@both_ways
def test_a_program_compiles(strict: bool, backend: str, side: Any) -> None:
    module = Holds(side, torch.xpu.Event())
    program = export(module, (ones(),), strict=strict)
    run = torch.compile(program.module(), backend=backend, fullgraph=True)
    run(ones())
    torch.xpu.synchronize()
    with hold(side):
        y = run(ones())
        assert not module.event.query()
    torch.testing.assert_close(y, module.child(ones()) * 2)


@both_ways
def test_decompositions_keep_the_ops(strict: bool, side: Any) -> None:
    module = Holds(side, torch.xpu.Event())
    program = export(module, (ones(),), strict=strict)
    lower = program.run_decompositions()
    assert event_ops(lower) == event_ops(program)
    assert module.event.sycl_event == 0
    assert lower.constants["event"] is module.event
    with hold(side):
        lower.module()(ones())
        assert not module.event.query()


def test_inductor_without_python_is_refused() -> None:
    program = export(Makes(), (ones(), torch.xpu.Stream()), strict=False)
    with pytest.raises(Exception, match="AOTInductor .*not supported on the xpu device"):
        torch._inductor.aoti_compile_and_package(program)


# ---- files


def saved(program: ExportedProgram) -> io.BytesIO:
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return file


@both_ways
def test_a_program_that_is_given_events_is_saved(strict: bool, side: Any) -> None:
    event = torch.xpu.Event()
    program = export(Given(), (ones(), event, side), strict=strict)
    loaded = torch.export.load(saved(program))
    assert event_ops(loaded) == ["record"]
    with hold(side):
        loaded.module()(ones(), event, side)
        assert not event.query()
    assert program.example_inputs[0][1] is event, "only the file has no example inputs"


@both_ways
def test_a_program_that_makes_events_is_saved(strict: bool, side: Any) -> None:
    program = export(Makes(), (ones(), side), strict=strict)
    loaded = torch.export.load(saved(program))
    assert event_ops(loaded) == event_ops(program)
    with hold(side):
        y, late = loaded.module()(ones(), side)
        assert not late
    assert y.tolist() == [6.0] * 4


@both_ways
def test_a_program_that_holds_events_is_not_saved(strict: bool, side: Any) -> None:
    program = export(Holds(side, torch.xpu.Event()), (ones(),), strict=strict)
    match = r"holds events or streams \(.*child\.event.*\).*take them as arguments"
    with pytest.raises(TypeError, match=match):
        saved(program)


def test_a_program_that_returns_an_event_is_not_saved() -> None:
    class Returns(torch.nn.Module):
        def forward(self, x: torch.Tensor, event: Any) -> Any:
            return x + 1, event

    program = export(Returns(), (ones(), torch.xpu.Event()))
    with pytest.raises(TypeError, match="returns an event or a stream"):
        saved(program)


def test_another_process_runs_a_saved_program(tmp_path: Any, side: Any) -> None:
    path = tmp_path / "program.pt2"
    torch.export.save(export(Makes(), (ones(), side), strict=False), path)
    printed = run_program(
        f"""
        import warnings
        warnings.filterwarnings("ignore", ".torch.jit", DeprecationWarning)
        import torch, xpu_dynamo_event
        from xpu_dynamo_event.testing import hold
        run = torch.export.load({str(path)!r}).module()
        side = torch.xpu.Stream()
        with hold(side):
            y, late = run(torch.ones(4, device="xpu"), side)
            waits = not torch.xpu.current_stream().query()
        print(y.tolist(), bool(late), waits)
        """
    )
    assert printed.strip() == "[6.0, 6.0, 6.0, 6.0] False True"


# ---- around an export


def test_classes_are_as_before() -> None:
    """Also when the module raises."""

    def state() -> list[Any]:
        owners = (torch.xpu.Event, torch.xpu.Stream, torch.xpu, torch.accelerator)
        names = ("record", "device", "__repr__", "__enter__", "current_stream", "set_stream")
        return [torch.Event, *(getattr(o, name, None) for o in owners for name in names)]

    class Raises(torch.nn.Module):
        def forward(self, x: torch.Tensor, event: Any) -> torch.Tensor:
            event.record()
            raise KeyError("inside")

    before = state()
    with pytest.raises(KeyError):
        export(Raises(), (ones(), torch.xpu.Event()), strict=False)
    export(Given(), (ones(), torch.xpu.Event(), torch.xpu.Stream()), strict=False)
    assert state() == before


def test_disabling_gives_torch_its_export_back() -> None:
    """Which records while it exports, and leaves the op out."""
    event = torch.xpu.Event()
    with xpu_dynamo_event.enabled(False):
        program = export(Holds(torch.xpu.Stream(), event), (ones(),), strict=False)
        with pytest.raises(ValueError, match="Unsupported input type"):
            export(Given(), (ones(), event, torch.xpu.Stream()), strict=False)
    assert event_ops(program) == []
    assert event.sycl_event != 0


def in_a_thread(do: Callable[[], Any]) -> Any:
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(do()))
    thread.start()
    thread.join()
    return seen[0]


def test_other_threads_go_on() -> None:
    """What one thread exports, another one really does."""

    class Forks(torch.nn.Module):
        def forward(self, x: torch.Tensor, event: Any) -> torch.Tensor:
            event.record()
            seen.append(in_a_thread(use))
            return x + 1

    def use() -> tuple[bool, Any, Any]:
        event, plain = torch.xpu.Event(), torch.Event("xpu")
        with torch.xpu.Stream():
            event.record()
            plain.record()
        return event.sycl_event != 0, event.query() in (False, True), type(plain).__name__

    seen: list[Any] = []
    mine = torch.xpu.Event()
    export(Forks(), (ones(), mine), strict=False)
    assert seen == [(True, True, "Event")]
    assert mine.sycl_event == 0
