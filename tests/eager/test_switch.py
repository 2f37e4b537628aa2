"""enable(), disable() and enabled(): nested, in threads, undone to the last attribute of torch."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from own_process import ROOT, run_program
from snapshots import SNAPSHOT

import xpu_dynamo_event
from xpu_dynamo_event import GraphLog, enabled, install, is_enabled


@pytest.fixture(autouse=True)
def on_again() -> Any:
    """A test that fails half way leaves capture on."""
    yield
    xpu_dynamo_event.enable()


def record_and_wait(x: torch.Tensor, event: Any) -> torch.Tensor:
    y = x + 1
    event.record()
    event.wait()
    return y


def ops_captured() -> list[str]:
    log = GraphLog("eager")
    torch._dynamo.reset_code(record_and_wait.__code__)
    torch.compile(record_and_wait, backend=log)(torch.ones(2, device="xpu"), torch.xpu.Event())
    return [op.split("(")[0] for op in log.event_ops()]


def test_nested_blocks_end_as_they_began() -> None:
    with enabled(False):
        with enabled():
            assert is_enabled()
            with enabled(False):
                assert not is_enabled()
            assert is_enabled()
        assert not is_enabled()
        assert ops_captured() == []
    assert is_enabled()
    assert ops_captured() == ["record", "wait"]


def test_a_block_may_be_entered_again_and_within_itself() -> None:
    off = enabled(False)
    for _ in range(2):
        with off, enabled(), off:
            assert not is_enabled()
        assert is_enabled()


def test_an_exception_ends_the_block() -> None:
    with pytest.raises(KeyError), enabled(False):
        raise KeyError
    assert is_enabled()
    assert install.hooks()


def test_switching_inside_a_block_counts_until_its_end() -> None:
    with enabled(False):
        xpu_dynamo_event.enable()
        assert is_enabled()
        with enabled():
            xpu_dynamo_event.disable()
            assert not is_enabled()
        assert is_enabled()
    assert is_enabled()


def test_as_decorator() -> None:
    @enabled(False)
    def state() -> bool:
        return is_enabled()

    assert [state(), is_enabled(), state()] == [False, True, False]


@pytest.mark.parametrize("wrong", ["yes", 1, None, lambda: None, [True]])
def test_only_a_bool_is_a_state(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"enabled\(\) takes True or False, got .*with xpu_dyn"):
        enabled(wrong)
    assert is_enabled()


def test_a_block_without_its_call_is_refused() -> None:
    with pytest.raises(TypeError, match="context manager"), enabled:  # type: ignore[attr-defined]
        pass
    with pytest.raises(TypeError, match="write .*'@xpu_dynamo_event.enabled\\(\\)'"):

        @enabled  # type: ignore[arg-type]
        def function() -> None:
            pass


def in_thread(function: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.start()
    return thread


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("outer", [False, True])
def test_blocks_of_two_threads_that_overlap(outer: bool, inner: bool) -> None:
    """The first to be entered ends first: the other one still counts, and nothing stays of it."""
    entered, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with enabled(outer):
            entered.set()
            may_end.wait(60)

    thread = in_thread(first)
    assert entered.wait(60)
    with enabled(inner):
        may_end.set()
        thread.join(60)
        assert is_enabled() is inner
    assert is_enabled()


def test_threads_that_switch_while_others_compile() -> None:
    """A graph is captured whole or not at all."""
    barrier, captured, failures = threading.Barrier(3), [], []

    def guarded(body: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                barrier.wait(60)
                body()
            except BaseException as error:
                failures.append(error)

        return run

    def switch() -> None:
        for _ in range(40):
            with enabled(False), enabled():
                pass
            xpu_dynamo_event.disable()
            xpu_dynamo_event.enable()

    def compile_often() -> None:
        for _ in range(6):
            captured.append(ops_captured())

    threads = [in_thread(guarded(body)) for body in (switch, switch, compile_often)]
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert not failures
    assert len(captured) == 6
    assert all(ops in ([], ["record", "wait"]) for ops in captured)
    assert is_enabled()
    assert ops_captured() == ["record", "wait"]


FULLY_UNDONE = (
    SNAPSHOT
    + """
xpu_dynamo_event.enable()
enabled = snapshot()
xpu_dynamo_event.disable()
print(changes(before, snapshot()))
print(any(path.endswith("VariableBuilder._wrap") for path in changes(before, enabled)))

@torch.compile(backend=GraphLog("aot_eager"))
def use(x, event):
    event.record()
    return x + 1

for _ in range(2):
    with xpu_dynamo_event.enabled():
        use(torch.ones(2, device="xpu"), torch.xpu.Event())
        torch.compiler.reset()
kinds = types.FunctionType, type, property, staticmethod, classmethod
functions = {  # attributes: tables of torch fill up while it compiles
    key: entry
    for key, entry in before.items()
    if isinstance(entry[1], kinds) and isinstance(key[1], str)
}
after = snapshot()
print(changes(functions, {key: after[key] for key in functions if key in after}))
"""
)


def test_nothing_is_left_in_torch() -> None:
    fresh, sees_ours, after_use = run_program(FULLY_UNDONE).splitlines()
    assert fresh == "[]"
    assert sees_ours == "True"
    assert after_use == "[]"


STAYS = """
import torch
from torch._library.opaque_object import _OPAQUE_TYPES as opaque_types
tensor, types = dict(vars(torch.Tensor)), set(opaque_types)
import xpu_dynamo_event
xpu_dynamo_event.disable()
print(*(name for name, value in vars(torch.Tensor).items() if tensor.get(name) is not value))
print(*sorted(f"torch.{each.__name__}" for each in set(opaque_types) - types))
"""


def test_what_stays_of_the_import_is_documented() -> None:
    methods, types = run_program(STAYS).split("\n")[:2]
    assert methods == "__dlpack__"
    assert types == ""
    pages = [xpu_dynamo_event.disable.__doc__]
    if (page := ROOT / "docs" / "turning-on.md").exists():  # not where a wheel is tested
        pages.append(page.read_text())
    for text in pages:
        assert f"Tensor.{methods}" in text


# What torch makes of a program, printed: graphs, results and errors.
OUTCOMES = """
import copy, types, warnings
import torch
from torch._dynamo.backends.registry import lookup_backend

warnings.simplefilter("ignore")
event, plain = torch.xpu.Event(), torch.Event("xpu")
side, home = torch.xpu.Stream(), torch.xpu.current_stream()

class Module(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.event = torch.xpu.Event()
    def forward(self, x):
        self.event.record()
        return x + 1

module = Module()

def makes_plain_stream(x): s = torch.Stream(); return s, x + 1
def makes_stream(x): s = torch.xpu.Stream(); return s, x + 1
def makes_plain_event(x): e = torch.Event(); return e, x + 1
def makes_event_of_device(x): e = torch.Event("xpu"); e.record(); return e, x + 1
def makes_event(x): e = torch.xpu.Event(); e.record(); return e, x + 1
def records_and_waits(x): event.record(); y = x + 1; event.wait(); return y
def records_plain(x): plain.record(); y = x + 1; plain.wait(); return y
def synchronizes(x): y = x + 1; plain.record(); plain.synchronize(); return y
def branches(x): return x + 1 if plain.query() else x
def in_context(x):
    with torch.xpu.stream(side):
        y = x + 1
    return y
def in_stream(x):
    with side:
        y = x + 1
    return y
def sets_stream(x): torch.xpu.set_stream(side); y = x + 1; torch.xpu.set_stream(home); return y
def current(x): return torch.xpu.current_stream(), x + 1
def accelerator(x): return torch.accelerator.current_stream(), x + 1
def uses(x): y = x + 1; y.record_stream(side); return y
def waits_for_stream(x): side.wait_stream(home); return x + 1
def waits_for_event(x): side.wait_event(plain); return x + 1
def passes_on(x): return torch.from_dlpack(x + 1)
def copies_event(x): return copy.deepcopy(event), x + 1
def copies_stream(x): return copy.copy(side) is side, x + 1
def compares(x): return x + 1 if side == home else x - 1
def looks_up(x): return {event: x}[event]
def reads(x): return x + side.device_index
def prints(x): return str(side.device), x + 1
def synchronizes_device(x): y = x + 1; torch.xpu.synchronize(); return y
def breaks(x):
    s = torch.xpu.Stream(); y = x + 1; torch._dynamo.graph_break(); s.synchronize(); return y
def pins(x): return x.cpu().pin_memory()
def asks(x): return x + isinstance(event, torch.Event)
def calls_module(x): return module(x)

def plainly(value):
    if isinstance(value, tuple):
        return tuple(map(plainly, value))
    if isinstance(value, torch.Tensor):
        return value.tolist()
    return value if isinstance(value, (bool, int, str)) else type(value).__name__

def outcome(program, name, fullgraph):
    graphs = []
    def backend(graph, inputs):
        calls = [node for node in graph.graph.nodes if node.op.startswith("call")]
        graphs.append([getattr(node.target, "__name__", str(node.target)) for node in calls])
        return lookup_backend(name)(graph, inputs)
    torch.compiler.reset()
    try:
        result = torch.compile(program, backend=backend, fullgraph=fullgraph)(
            torch.ones(2, device="xpu")
        )
        torch.xpu.synchronize()
        return graphs, plainly(result)
    except Exception as error:
        torch.xpu.set_stream(home)
        return graphs, type(error).__name__, str(error).partition("\\n\\n")[0]

functions = [value for value in list(globals().values()) if isinstance(value, types.FunctionType)]
here = [each for each in functions if each.__code__.co_filename == plainly.__code__.co_filename]
for program in here[: here.index(plainly)]:
    for name, fullgraph in ("aot_eager", True), ("eager", False):
        print(program.__name__, name, fullgraph, *outcome(program, name, fullgraph))
"""

# The device, its class of events and copies of those, without anything for the compiler.
NEVER_INSTALLED = f"""
import importlib.util, sys, types
package = types.ModuleType("xpu_dynamo_event")
package.__path__ = importlib.util.find_spec("xpu_dynamo_event").submodule_search_locations
sys.modules["xpu_dynamo_event"] = package
from xpu_dynamo_event import _start
_start.load_native_modules()
_start.register_device()
from xpu_dynamo_event import copying
copying.install()
{OUTCOMES}
"""

SWITCHED_OFF = f"""
import torch, xpu_dynamo_event
xpu_dynamo_event.disable()
{OUTCOMES}
"""

SWITCHED_OFF_AFTER_USE = f"""
import torch, xpu_dynamo_event
used = torch.xpu.Event()
for name in "eager", "aot_eager":
    torch.compile(lambda x: (used.record(), x + 1)[1], backend=name)(torch.ones(2, device="xpu"))
xpu_dynamo_event.disable()
{OUTCOMES}
"""


@functools.cache
def never_installed() -> list[str]:
    return run_program(NEVER_INSTALLED).splitlines()


@pytest.mark.parametrize("program", [SWITCHED_OFF, SWITCHED_OFF_AFTER_USE], ids=["new", "used"])
@pytest.mark.own_event_class(reason="torch's own is there without this package")
def test_programs_compile_as_if_capture_had_never_been(program: str) -> None:
    never = never_installed()
    assert len(never) > 50
    assert run_program(program).splitlines() == never


def test_compiled_functions_and_eager_ops_go_on_after_it() -> None:
    event = torch.xpu.Event()
    run = torch.compile(record_and_wait, backend="aot_eager")
    x = torch.ones(2, device="xpu", requires_grad=True)
    run(x, event)
    with enabled(False):
        y = run(x, event)
        (gradient,) = torch.autograd.grad(y.sum(), x)
        torch.ops.xpu_event.record(event, None)
        torch.ops.xpu_event.synchronize(event)
        assert event.query()
    assert y.tolist() == [2.0, 2.0]
    assert gradient.tolist() == [1.0, 1.0]


def test_what_waits_for_the_first_frame_is_taken_back() -> None:
    assert (
        run_program(
            """
            import torch, xpu_dynamo_event
            import torch._inductor  # imports the compiler in the middle of its own import
            from torch._dynamo.convert_frame import CatchErrorsWrapper
            assert CatchErrorsWrapper.__call__.__module__.startswith("xpu_dynamo_event")
            xpu_dynamo_event.disable()
            print(CatchErrorsWrapper.__call__.__module__)
            """
        ).strip()
        == "torch._dynamo.convert_frame"
    )
