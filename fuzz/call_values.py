"""Arguments that nobody means: of each type that a native function could be given."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import torch

from xpu_dynamo_event import Event

HUGE = 2**63  # does not fit into what C++ has for an index

INTEGERS = (
    *(0, 1, -1, 2, 7, 64, 127, 128, -128, -129, 255, 256, 257, 2**16, 2**31 - 1, 2**31, -(2**31)),
    *(2**32, 2**32 + 1, 2**63 - 1, -(2**63), HUGE, -HUGE - 1, 2**64, 2**64 + 1, 10**30),
)
TEXTS = (
    *("", "x", "torch.xpu.Event", "torch.xpu.Stream", "current", "__hash__", "__repr__", "record"),
    *(
        "device",
        "event_id",
        "a\0b",
        "\ud800",
        "\N{SNOWMAN}" * 9,
        "x" * 5000,
        "%s%n",
        "{0.__class__}",
    ),
)


def _recursive() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def _recorded(**flags: bool) -> Any:
    event = torch.xpu.Event(**flags)  # type: ignore[no-untyped-call]
    event.record()
    return event


def _stream() -> Any:
    return torch.xpu.Stream()  # type: ignore[no-untyped-call]


OBJECTS: tuple[Callable[[], Any], ...] = (
    *(lambda: None, lambda: True, lambda: False, object, lambda: int, lambda: ..., _recursive),
    *(lambda: 0.0, lambda: float("nan"), lambda: float("inf"), lambda: 1e300, lambda: 1j),
    *(lambda: b"", lambda: b"x" * 64, lambda: bytearray(3), tuple, list, dict, set),
    *(lambda: [None], lambda: [1, "a"], lambda: (2**64,), lambda: {"a": 1}, lambda: iter([])),
    *(lambda: len, lambda: print, lambda: sys, lambda: RuntimeError("x"), lambda: slice(None)),
    *(lambda: torch.device("xpu"), lambda: torch.device("cpu"), lambda: torch.device("xpu", 100)),
    *(lambda: torch.float32, lambda: torch.strided, lambda: torch.Size([2]), torch.Generator),
)
TENSORS: tuple[Callable[[], Any], ...] = (
    *(lambda: torch.ones(3), lambda: torch.ones(3, device="xpu"), lambda: torch.tensor(1)),
    *(lambda: torch.empty(0, device="xpu"), lambda: torch.ones(2, device="meta")),
    *(lambda: torch.ones(4, device="xpu")[::2], lambda: torch.eye(2).to_sparse()),
    *(
        lambda: torch.ones(2, device="xpu", requires_grad=True) * 2,
        lambda: torch.Tensor.__new__(torch.Tensor),
    ),
)
EVENTS: tuple[Callable[[], Any], ...] = (
    *(
        torch.xpu.Event,
        _recorded,
        lambda: _recorded(enable_timing=True),
        lambda: torch.Event("xpu"),
    ),
    *(lambda: torch.Event("cpu"), lambda: torch.Event.__new__(torch.Event), lambda: Event, Event),
    lambda: Event.__new__(Event),
)
STREAMS: tuple[Callable[[], Any], ...] = (
    *(
        torch.xpu.Stream,
        torch.xpu.current_stream,
        lambda: torch.Stream("xpu"),
        lambda: torch.Stream,
    ),
    *(lambda: torch.Stream(stream_id=12345, device_index=0, device_type=12),),
    *(lambda: torch.Stream(stream_id=-7, device_index=0, device_type=12),),
    *(lambda: torch.Stream(stream_id=0, device_index=99, device_type=12),),
    *(lambda: torch.Stream(stream_id=0, device_index=0, device_type=0),),
    *(lambda: torch.xpu.current_stream().sycl_queue, lambda: _stream().stream_id),
)


def value(chosen: random.Random, wanted: str = "") -> Any:
    """Return a value; more often than not of the type that a schema asks for.

    Args:
        chosen: Where choices come from.
        wanted: The type, as a schema writes it.
    """
    kinds = {"Event": EVENTS, "Stream": STREAMS, "Tensor": TENSORS}
    fits = [group for name, group in kinds.items() if name in wanted]
    if wanted.startswith("Tensor[]") and chosen.random() < 0.8:
        return [chosen.choice(TENSORS)() for _ in range(chosen.randrange(4))]
    if fits and chosen.random() < 0.7:
        return chosen.choice(fits[0])()
    if wanted.startswith("int") and chosen.random() < 0.8:
        return chosen.choice(INTEGERS)
    if wanted.startswith("str") and chosen.random() < 0.8:
        return chosen.choice(TEXTS)
    groups: list[tuple[Any, ...]] = [OBJECTS, TENSORS, EVENTS, STREAMS]
    group = chosen.choice([*groups, INTEGERS, TEXTS])
    picked = chosen.choice(group)
    return picked() if any(group is each for each in groups) else picked
