"""The C interface (xpu_dynamo_event/c_api.h), called as C would: through its table."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

import xpu_dynamo_event
from xpu_dynamo_event import _native
from xpu_dynamo_event.testing import Latch

HEADER = Path(xpu_dynamo_event.get_include(), "xpu_dynamo_event", "c_api.h")
TIMED = 1
NO_DEVICE, ANY_DEVICE = -2, -1


class Stream(ctypes.Structure):
    _fields_: ClassVar[Any] = (("id", ctypes.c_int64), ("device", ctypes.c_int64))

    @classmethod
    def of(cls, stream: Any) -> Stream:
        return cls(stream.stream_id, stream.device_index)

    def stream(self) -> Any:
        return torch.xpu.Stream(stream_id=self.id, device_index=self.device, device_type=12)


CURRENT = Stream(0, NO_DEVICE)
_TYPES: dict[str, Any] = {
    "XpuEvent": ctypes.c_void_p,
    "XpuStream": Stream,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
}


def functions() -> Iterator[tuple[str, Any]]:
    """The functions of the table, read from the header."""
    table = HEADER.read_text().partition("uint32_t size;")[2]
    for result, name, parameters in re.findall(r"([a-z0-9_]+\*?) \(\*(\w+)\)\(([^)]*)\)", table):
        types = [
            ctypes.c_void_p if "*" in each else _TYPES[each.split()[0]]
            for each in re.split(r",\s*", parameters)
            if each != "void"
        ]
        kind: Any = {"int32_t": ctypes.c_int32, "void": None, "char*": ctypes.c_char_p}[result]
        yield name, ctypes.CFUNCTYPE(kind, *types)


class Table(ctypes.Structure):
    _fields_: ClassVar[Any] = (
        ("version", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        *functions(),
    )


def table() -> Any:
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return Table.from_address(
        pointer(_native._C_FUNCTIONS, b"xpu_dynamo_event._native._C_FUNCTIONS")
    )


API = table()


def made(flags: int = 0) -> ctypes.c_void_p:
    event = ctypes.c_void_p()
    assert API.create(flags, ctypes.addressof(event)) == 0
    return event


def is_complete(event: ctypes.c_void_p) -> bool:
    answer = ctypes.c_int32(-1)
    assert API.query(event, ctypes.addressof(answer)) == 0
    assert answer.value in (0, 1)
    return answer.value == 1


def test_the_table_is_the_one_of_the_header() -> None:
    assert API.version == 1
    assert API.size == ctypes.sizeof(Table)


def test_an_event_orders_two_streams(latch: Callable[[Any], Latch]) -> None:
    first, second = Stream(), Stream()
    for stream in (first, second):
        assert API.stream_from_pool(ANY_DEVICE, 0, ctypes.addressof(stream)) == 0
    event, later = made(), made()
    assert is_complete(event)
    held = latch(first.stream())
    assert API.record(event, first) == 0
    assert API.wait(event, second) == 0
    assert API.record(later, second) == 0
    assert not is_complete(event)
    assert not is_complete(later)
    assert not second.stream().query()
    held.release()
    assert API.synchronize(later) == 0
    assert is_complete(event)
    for each in (event, later):
        assert API.destroy(each) == 0


def test_streams(latch: Callable[[Any], Latch]) -> None:
    before, answer = Stream(), ctypes.c_int32(-1)
    assert API.current_stream(ANY_DEVICE, ctypes.addressof(before)) == 0
    side = torch.xpu.Stream()
    held = latch(side)
    assert API.set_stream(Stream.of(side)) == 0
    try:
        assert torch.xpu.current_stream() == side
        x = torch.ones(4, device="xpu")
        assert API.wait_stream(before, CURRENT) == 0
        assert API.query_stream(before, ctypes.addressof(answer)) == 0
    finally:
        assert API.set_stream(before) == 0
    assert answer.value == 0
    held.release()
    assert API.synchronize_stream(before) == 0
    assert side.query()
    assert x.sum().item() == 4
    assert API.synchronize_device(ANY_DEVICE) == 0


def test_times() -> None:
    start, end, time = made(TIMED), made(TIMED), ctypes.c_double(-1)
    x = torch.ones(64, 64, device="xpu")
    assert API.record(start, CURRENT) == 0
    x @ x
    assert API.record(end, CURRENT) == 0
    assert API.synchronize(end) == 0
    assert API.elapsed_time(start, end, ctypes.addressof(time)) == 0
    assert time.value > 0


def no_time() -> int:
    event, time = made(), ctypes.c_double()
    assert API.record(event, CURRENT) == 0
    return int(API.elapsed_time(event, event, ctypes.addressof(time)))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: API.record(None, CURRENT), "An event is a null pointer. Make one with create()."),
        (lambda: API.create(6, ctypes.addressof(ctypes.c_void_p())), "The flags of an event are"),
        (lambda: API.set_stream(Stream(0, 99)), "There is no xpu device 99; there are "),
        (lambda: API.synchronize_device(99), "99"),
        (lambda: API.record_stream(None, CURRENT), "record_stream() got a null pointer"),
        (no_time, "enable_timing"),
    ],
    ids=["event", "flags", "stream", "device", "tensor", "time"],
)
def test_an_error_is_a_code_and_a_text(call: Callable[[], int], says: str) -> None:
    assert call() == 1
    assert says in API.last_error().decode()
