"""``torch.ops.xpu_event.*``: event and stream operations as dispatcher ops.

The kernels are C++ (csrc/ops); this module adds what tracing needs: the types of the operands,
what an op returns under fake tensors, and that the ops have side effects. Each operation has up to
three forms:

* ``record(event, stream)``: what a user calls, and what Dynamo puts into a graph.
* ``query.tensor(event)``: for operations whose result the host reads. The result is a CPU tensor,
  so a graph carries it from the point of the reading without looking at it.
* ``record.ordered(event, stream, position=, live=)``: what the ordering pass makes of it. It hands
  the tensors of ``live`` through, so every user of a result comes after the operation; ``position``
  keeps equal operations apart, or common-subexpression elimination would merge them.

Operands are the event and the stream themselves. ``stream=None`` is the stream that is current when
the op runs, as in eager.

Example:
    >>> import torch, xpu_dynamo_event
    >>> event = torch.xpu.Event()
    >>> torch.ops.xpu_event.record(event, torch.xpu.current_stream())
    >>> torch.ops.xpu_event.synchronize(event)
    >>> torch.ops.xpu_event.query(event)
    True
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from . import _native, runtime  # the static initialiser of _native defines the ops
from ._compat import fakes, fx, opaque, torch_xpu, wrappers
from .event import Event

ACTIONS = (
    "record",
    "wait",
    "synchronize",
    "set_stream",
    "wait_stream",
    "synchronize_stream",
    "synchronize_device",
)
"""Operations that return nothing."""

NOTES = ("record_stream", "note_uses", "entry_stream")
"""For the allocator (these tensors are used on a stream: the program says so, or a pass) and
for graph passes (this stream is current where the graph begins); none is a point in a stream.
"""

FENCE = "fence"
"""A barrier that does nothing else, before and after an op whose bodies have event ops."""


class Reading(NamedTuple):
    """The tensor that carries a result in a graph.

    Attributes:
        type: What a program gets.
        dtype: Element type of the tensor.
        shape: Shape of the tensor.
    """

    type: type
    dtype: torch.dtype
    shape: tuple[int, ...] = ()


READINGS = {
    "query": Reading(bool, torch.bool),
    "query_stream": Reading(bool, torch.bool),
    "elapsed_time": Reading(float, torch.float64),
    "inspect": Reading(int, torch.int64),
    "text": Reading(str, torch.uint8, (1024,)),  # kTextBytes in csrc/ops/event_ops.cpp
}
"""Operations whose result the host reads."""

HOST_POINTS = {*READINGS, "synchronize", "synchronize_stream", "synchronize_device"}
"""Operations at which the host learns about the device."""

_namespace = torch.ops.xpu_event
# One for all: each takes a while.
_library: Any = torch.library.Library("xpu_event", "FRAGMENT")  # type: ignore[no-untyped-call]


def _fake_action(*_args: Any) -> None:
    return None


def _fake_ordered_action(*_args: Any, position: int, live: list[torch.Tensor]) -> list[Any]:
    # The tensors themselves, as the real op does: what asks for memory sees that it is shared.
    return live


def _fake_tensor_reading(reading: Reading) -> Callable[..., torch.Tensor]:
    return lambda *_args: torch.empty(reading.shape, dtype=reading.dtype)


def _fake_ordered_reading(reading: Reading) -> Callable[..., tuple[torch.Tensor, list[Any]]]:
    def fake(
        *_args: Any, position: int, live: list[torch.Tensor]
    ) -> tuple[torch.Tensor, list[Any]]:
        result = torch.empty(reading.shape, dtype=reading.dtype)
        return result, live

    return fake


def _fake_create(
    kind: str = "torch.xpu.Event",
    enable_timing: bool = False,
    blocking: bool = False,
    position: int = 0,
) -> Any:
    # Only a fake leaves this function, so the event behind it is never recorded.
    event = EVENT_FACTORIES[kind](enable_timing=enable_timing, blocking=blocking)
    return opaque.maybe_to_fake_obj(None, event)


def _fake_create_stream(
    kind: str = "torch.xpu.Stream", device_index: int = -1, priority: int = 0, position: int = 0
) -> Any:
    # Only a fake leaves this function; a real one would take its turn in the pool of streams.
    return opaque.maybe_to_fake_obj(None, torch.accelerator.current_stream())


EVENT_FACTORIES: dict[str, Callable[..., torch.Event]] = {}
"""What ``xpu_event::create`` calls to make an event, by the name it is given."""


CURRENT_STREAM = "current"
"""What ``xpu_event::create_stream`` is asked for to answer the stream that is current."""


def register_event_factory(name: str, factory: Callable[..., torch.Event]) -> None:
    """Make ``torch.ops.xpu_event.create(name)`` call ``factory``.

    Args:
        name: Its name in graphs, for example ``"torch.xpu.Event"``.
        factory: Called with the keywords ``enable_timing`` and ``blocking``.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> class Fence(xpu_dynamo_event.Event):
        ...     pass
        >>> xpu_dynamo_event.ops.register_event_factory("example.Fence", Fence)
        >>> type(torch.ops.xpu_event.create("example.Fence")).__name__
        'Fence'
    """
    EVENT_FACTORIES[name] = factory
    _native.set_factory(name, factory)


STREAM_FACTORIES: dict[str, Callable[[int, int], torch.Stream]] = {}
"""What ``xpu_event::create_stream`` calls to make a stream, by the name it is given."""


def register_stream_factory(name: str, factory: Callable[[int, int], torch.Stream]) -> None:
    """Make ``torch.ops.xpu_event.create_stream(name)`` call ``factory``.

    Args:
        name: Its name in graphs, for example ``"torch.xpu.Stream"``.
        factory: Called with the index of a device (-1 for the current one) and a priority.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> from xpu_dynamo_event import ops
        >>> class Lane(torch.xpu.Stream):
        ...     pass
        >>> ops.register_stream_factory(
        ...     "Lane", lambda index, priority: Lane(ops.device_of(index), priority)
        ... )
        >>> type(torch.ops.xpu_event.create_stream("Lane", -1, 0)).__name__
        'Lane'
    """
    STREAM_FACTORIES[name] = factory
    _native.set_factory(name, factory)


def free_name(name: str) -> str:
    """Return ``name``, or one like it if a class of that name is known already.

    Args:
        name: Of a class, as graphs are to call it.

    Returns:
        A name that neither :func:`register_event_factory` nor :func:`register_stream_factory` has.

    Example:
        >>> from xpu_dynamo_event import ops
        >>> ops.free_name("mine.Event")
        'mine.Event'
        >>> ops.free_name("torch.xpu.Event") != "torch.xpu.Event"
        True
    """
    free = name
    while free in EVENT_FACTORIES or free in STREAM_FACTORIES:
        free = f"{name}#{len(EVENT_FACTORIES) + len(STREAM_FACTORIES)}"
    return free


def text_of(tensor: torch.Tensor) -> str:
    """Return the text that ``text.tensor`` put into a tensor of bytes, padded with zeros."""
    return bytes(tensor.tolist()).rstrip(b"\0").decode()


def _make_stream(device_index: int, priority: int) -> torch.Stream:
    stream: torch.Stream = torch.xpu.Stream(device_of(device_index), priority=priority)  # type: ignore[no-untyped-call]
    return stream


def _make_plain_stream(device_index: int, priority: int) -> torch.Stream:
    return torch.Stream(device_of(device_index), priority=priority)


def _take_current_stream(device_index: int, _priority: int) -> torch.Stream:
    return torch.xpu.current_stream(device_of(device_index))


def device_of(index: int) -> torch.device:
    """Return the XPU device of an index.

    Args:
        index: -1 for the current device.

    Returns:
        The device, with its index.

    Raises:
        ValueError: There is none.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> xpu_dynamo_event.ops.device_of(-1)
        device(type='xpu', index=0)
    """
    count = torch.xpu.device_count()
    if not -1 <= index < count:  # torch.device would cut 256 to 0
        raise ValueError(f"There is no device xpu:{index}: this process has {count}.")
    return torch.device("xpu", torch.xpu.current_device() if index < 0 else index)


def _current_stream(device: int) -> torch.Stream:
    return torch.xpu.current_stream(device)


def _fake_current_stream(device: int) -> Any:
    return opaque.maybe_to_fake_obj(None, torch.xpu.current_stream(device))


def _define_current_stream() -> None:
    # For exported programs. Compiled functions get the current stream from their caller.
    _library.define("current_stream(int device) -> torch.Stream")
    _library.impl("current_stream", _current_stream, "CompositeExplicitAutograd")
    fakes.register(_library, "current_stream", _fake_current_stream)
    fx.keep_for_run_time(_namespace.current_stream.default)


def _define_fence() -> None:
    # Around what has event ops in its bodies, put there by a pass; no program calls it.
    _library.define("fence() -> ()")
    _library.define("fence.ordered(*, int position, Tensor[] live) -> Tensor[]")
    _library.impl("fence", lambda: None, "CompositeExplicitAutograd")
    _library.impl("fence.ordered", _hand_through, "CompositeExplicitAutograd")
    _register(FENCE, "default", _fake_action)
    _register(FENCE, "ordered", _fake_ordered_action)


def _hand_through(*, position: int, live: list[torch.Tensor]) -> list[torch.Tensor]:
    return live


def _register(name: str, overload: str, fake: Callable[..., Any]) -> None:
    fakes.register(_library, name if overload == "default" else f"{name}.{overload}", fake)
    op = getattr(getattr(_namespace, name), overload)
    fx.has_side_effect(op)
    fx.keep_for_run_time(op)


def _see_through_wrappers() -> None:
    """Let the ops that take tensors see those inside of subclasses and below ``torch.func``."""
    takers = [getattr(_namespace, name).ordered for name in (*ACTIONS, *READINGS)]
    for op in (_namespace.record_stream.default, _namespace.note_uses.default, *takers):
        wrappers.see_through(_library, op)


def _register_all() -> None:
    for cls in (torch.Event, torch.Stream):
        opaque.register(cls)
    for name in ACTIONS:
        _register(name, "default", _fake_action)
        _register(name, "ordered", _fake_ordered_action)
    for name in NOTES:
        _register(name, "default", _fake_action)
    _see_through_wrappers()
    for name, reading in READINGS.items():
        # The plain form answers a Python value, which no graph can hold: tracing must break there.
        _register(name, "default", fx.refuse_in_graph(getattr(_namespace, name).default))
        _register(name, "tensor", _fake_tensor_reading(reading))
        _register(name, "ordered", _fake_ordered_reading(reading))
    _register("create", "default", _fake_create)
    _register("create_stream", "default", _fake_create_stream)
    _define_current_stream()
    _define_fence()


def _make_torch_event(enable_timing: bool = False, blocking: bool = False) -> torch.Event:
    """Make an event of torch's own class, which has no flag ``blocking``."""
    event: torch.Event = TORCH_EVENT(enable_timing)
    return event


TORCH_EVENT = torch_xpu.event_class()
"""The class ``torch.xpu.Event``: torch's own on a torch with XPU, else that of this package."""

EVENT_NAME = "torch.xpu.Event" if TORCH_EVENT is Event else "xpu_dynamo_event.Event"
"""What graphs call :class:`xpu_dynamo_event.Event`."""


_register_all()
if not runtime.has_own_guard():
    _native.lock_calls()
if TORCH_EVENT is not Event:  # it has a second state
    _native.set_class_with_own_state(torch_xpu.event_base())
    register_event_factory("torch.xpu.Event", _make_torch_event)
else:
    register_event_factory("torch.xpu.Event", Event)
register_event_factory("xpu_dynamo_event.Event", Event)
register_event_factory("torch.Event", functools.partial(torch.Event, device="xpu"))
register_stream_factory("torch.xpu.Stream", _make_stream)
register_stream_factory("torch.Stream", _make_plain_stream)
register_stream_factory(CURRENT_STREAM, _take_current_stream)
