"""A share of the random calls of native functions, and what they found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fuzz import call_targets, calls
from xpu_dynamo_event import _native, ops
from xpu_dynamo_event.interop import queue_capsule


def test_a_share() -> None:
    assert list(calls.findings(seed=0, calls=500)) == []


def test_a_fresh_seed(pytestconfig: pytest.Config) -> None:
    seed = 10**6 + pytestconfig.getoption("randomly_seed", 0) % 10**9
    assert list(calls.findings(seed, calls=500)) == []


def test_every_op_and_native_function_is_called() -> None:
    names = {each.name for each in call_targets.targets()}
    registered = {f"torch.ops.{each}" for each in torch._C._dispatch_get_all_op_names()}
    wanted = {each.replace("::", ".") for each in registered if "xpu_event::" in each}
    wanted = {each if each.count(".") == 4 else f"{each}.default" for each in wanted}
    assert {each for each in wanted if "xpu_event_tests" not in each} <= names
    assert {"_native.Latch", "_native.record", "_runtime._xpu_setDevice"} <= names


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda *_: _raise(SystemError("error return without exception set")), "SystemError"),
        (lambda *_: _raise(RuntimeError("x INTERNAL ASSERT FAILED")), "INTERNAL ASSERT"),
        (lambda *_: None, "took the index of no device"),
    ],
)
def test_what_is_found(
    function: Callable[..., Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = call_targets.Target("it", function, ("int",), device_at=0)
    monkeypatch.setattr(call_targets, "targets", lambda: [target])
    calls.make(seed=0, first=0, calls=20)
    assert message in capsys.readouterr().out


def _raise(error: Exception) -> None:
    raise error


def test_a_child_that_ends_is_found_and_the_next_one_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child = [
        "import sys",
        "first = int(sys.argv[sys.argv.index('--first') + 1])",
        "print('call', first, 'it()', flush=True)",
        "import ctypes",
        "first == 3 or ctypes.string_at(0)",
    ]
    run = calls.subprocess.run
    monkeypatch.setattr(
        calls.subprocess,
        "run",
        lambda command, **how: run([command[0], "-c", "\n".join(child), *command[3:]], **how),
    )
    found = list(calls.findings(seed=0, calls=4))
    assert [each.split(" in ")[1].split(":")[0] for each in found] == [
        f"call {number} it()" for number in range(3)
    ]


@pytest.mark.parametrize("index", [1, 256, 65536, -2, -256, 2**31])
@pytest.mark.parametrize("kind", ["torch.xpu.Stream", "torch.Stream", ops.CURRENT_STREAM])
def test_a_stream_of_no_device(kind: str, index: int) -> None:
    with pytest.raises(ValueError, match=f"There is no device xpu:{index}: this process has 1"):
        torch.ops.xpu_event.create_stream(kind, index, 0)


def test_a_stream_is_not_made_by_the_name_of_an_event() -> None:
    with pytest.raises(TypeError, match="torch.Stream"):
        torch.ops.xpu_event.create_stream("torch.xpu.Event", 0, 0)


@pytest.mark.parametrize("index", [-2, -256, 256])
def test_a_queue_of_no_device(index: int) -> None:
    with pytest.raises(ValueError, match=f"There is no device xpu:{index}: this process has 1"):
        _native.external_stream(queue_capsule(torch.xpu.current_stream()), index)


def test_readings_of_another_type() -> None:
    event = torch.xpu.Event()
    with pytest.raises(TypeError, match="reads whole numbers, but 'record' is of type builtin"):
        torch.ops.xpu_event.inspect(event, "record")
    with pytest.raises(
        TypeError, match=r"reads texts, but __hash__\(\) returns a value of type int"
    ):
        torch.ops.xpu_event.text(event, "__hash__")


@pytest.mark.parametrize("address", [0, 1, 8, 2**63])
def test_a_latch_on_no_queue(address: int) -> None:
    with pytest.raises(RuntimeError, match="external stream needs|no living sycl::queue"):
        _native.Latch(address)
