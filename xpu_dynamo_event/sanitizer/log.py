"""Reads the runtime's order log, one operation at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..interop import numbers_of_default_stream


class Lane(NamedTuple):
    """A stream.

    Attributes:
        device: Index of its device.
        stream: Its id (``torch.Stream.stream_id``); on a torch with XPU the address of its queue
            (``sycl_queue``).

    Example:
        >>> import torch
        >>> from xpu_dynamo_event.sanitizer import Lane
        >>> default = torch.xpu.current_stream().stream_id
        >>> print(Lane(device=0, stream=default), "and", Lane(device=1, stream=0x33))
        the default stream and stream 0x33 of xpu:1
    """

    device: int
    stream: int

    def __str__(self) -> str:
        is_default = self.stream in numbers_of_default_stream(self.device)
        name = "the default stream" if is_default else f"stream {self.stream:#x}"
        return name if self.device == 0 else f"{name} of xpu:{self.device}"


class Access(NamedTuple):
    """Memory that an operation reads or writes.

    Attributes:
        address: Of the first element.
        item_bytes: Size of an element.
        sizes: Elements in each dimension; -1 where a kernel's extent is not known.
        strides: Elements from one to the next in each dimension.
        is_write: Whether it writes.

    Example:
        >>> from xpu_dynamo_event.sanitizer import Access
        >>> row_of_floats = Access(0x1000, 4, sizes=(8,), strides=(1,), is_write=True)
        >>> print(row_of_floats, "to", hex(row_of_floats.end))
        8 of 4 bytes at 0x1000 to 0x1020
    """

    address: int
    item_bytes: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    is_write: bool

    @property
    def end(self) -> int:
        """The address after its last element."""
        last = sum(
            (size - 1) * stride for size, stride in zip(self.sizes, self.strides, strict=True)
        )
        return self.address + (last + 1) * self.item_bytes

    def __str__(self) -> str:
        shape = "x".join(map(str, self.sizes)) or "one element"
        return f"{shape} of {self.item_bytes} bytes at {self.address:#x}"


class Operation(NamedTuple):
    """Something that was issued to a stream, or that the host waited for.

    Attributes:
        kind: ``"task"``, ``"record"``, ``"wait"``, ``"finish_event"``, ``"finish_stream"``,
            ``"allocate"``, ``"free"``, ``"hold"``, ``"reclaim"`` or ``"free_host"``.
        name: Of a task.
        lane: The stream, where the kind has one.
        object: Identity of an event.
        address: Of memory that is allocated, freed or held.
        size: Its bytes.
        accesses: The memory that a task touches.
        stack: Where it was issued, which the report prints; None when stacks are off.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> side, x = torch.xpu.Stream(), torch.ones(8, device="xpu")
        >>> with xpu_dynamo_event.sanitize(on_finding="collect") as report:
        ...     y = x * 2
        ...     with torch.xpu.stream(side):
        ...         z = y + 1  # should wait for the stream of y
        >>> (finding,) = report.findings
        >>> finding.first.kind, str(finding.first.lane), len(finding.first.accesses)
        ('task', 'the default stream', 2)
    """

    kind: str
    name: str
    lane: Lane
    object: int
    address: int
    size: int
    accesses: tuple[Access, ...]
    stack: Any

    def __repr__(self) -> str:
        what = " ".join(filter(None, (self.kind, self.name)))
        return f"<Operation: {what} on {self.lane}, {len(self.accesses)} access(es)>"


def operation(raw: tuple[Any, ...]) -> Operation:
    """Return the operation of a tuple of ``_runtime.order_log_drain``."""
    kind, name, device, stream, event, address, size, accesses, stack = raw
    return Operation(
        kind,
        name,
        Lane(device, stream),
        event,
        address,
        size,
        tuple(Access(*each) for each in accesses),
        stack,
    )
