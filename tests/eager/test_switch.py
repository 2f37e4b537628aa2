"""enable(), disable() and enabled(): nested, in threads, undone to the last attribute of torch."""

from __future__ import annotations

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
    methods, types = run_program(STAYS).splitlines()
    assert methods == "__dlpack__"
    assert types == "torch.Event torch.Stream"
    pages = [xpu_dynamo_event.disable.__doc__]
    if (page := ROOT / "docs" / "turning-on.md").exists():  # not where a wheel is tested
        pages.append(page.read_text())
    for text in pages:
        assert all(name in text for name in (f"Tensor.{methods}", *types.split()))


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
