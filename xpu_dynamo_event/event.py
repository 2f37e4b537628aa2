"""The XPU event."""

from __future__ import annotations

import copy
import ctypes
from typing import Any, NoReturn, Self

import torch

from . import _native
from ._compat.outside import outside_graphs
from .copying import refuse_to_pickle
from .interop import capsules


class Event(_native.EventBase):
    """A point in the work of an XPU stream; a :class:`torch.Event`.

    The native event is created at the first :meth:`record`, on the device of the stream, and stays
    on that device. On a torch without XPU this class is :class:`torch.xpu.Event`.

    The methods are native code that releases the GIL. Semantics: PyTorch PR 134845 (XPUEvent) and
    PR 117734 (torch.xpu.Event), SYCL 2020 section 4.6.6 (``sycl::event``).

    Args:
        enable_timing: Whether the event measures time, for :meth:`elapsed_time`.
        blocking: Whether the host should sleep rather than spin in :meth:`synchronize`. The SYCL
            runtime always sleeps; the flag is kept so that programs written for CUDA find it.
        interprocess: Whether another process can open the event, by its :meth:`ipc_handle`. Where
            the device lacks the aspect ``ext_oneapi_ipc_event``, ``True`` raises
            NotImplementedError. Not together with ``enable_timing``.

    Attributes:
        device (torch.device | None): The device of the first record; None before it.
        sycl_event (int): Address of the ``sycl::event``, the same for every later record; 0 before
            the first.
        enable_timing (bool): The flag given at creation.
        blocking (bool): The flag given at creation.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> copies, compute = torch.xpu.Stream(), torch.xpu.current_stream()
        >>> ready = torch.xpu.Event()
        >>> with torch.xpu.stream(copies):
        ...     x = torch.ones(4, device="xpu")
        ...     ready.record()  # after the fill, on the copy stream
        >>> ready.wait(compute)  # later work of the compute stream comes after it
        >>> (x * 2).sum().item()
        8.0
    """

    def to_capsule(self) -> Any:
        """Return the native event in a capsule, for another SYCL library.

        The capsule is a ``PyCapsule`` named "SyclEventRef" that owns a copy of the ``sycl::event``;
        ``dpctl.SyclEvent(capsule)`` takes it. It holds what is recorded now; a later :meth:`record`
        does not change it. An event that was never recorded counts as complete, here too.

        Example:
            >>> import torch, xpu_dynamo_event
            >>> event = xpu_dynamo_event.Event()
            >>> event.record()
            >>> event.to_capsule()
            <capsule object "SyclEventRef" at 0x...>
        """
        return _native.event_capsule(self)

    @classmethod
    @outside_graphs("no graph holds a capsule or a handle: do this outside the compiled region")
    def from_capsule(cls, capsule: Any, device: torch.device | int | str | None = None) -> Self:
        """Return an event that another library recorded.

        The result is already recorded: :meth:`wait`, :meth:`query` and :meth:`synchronize` are
        about the other library's ``sycl::event``, which it keeps alive. It can be recorded again,
        like any event. It has no times.

        Args:
            capsule: A ``PyCapsule`` named "SyclEventRef", which is renamed to "used_SyclEventRef",
                or an object that makes one with ``_get_capsule()``, such as a ``dpctl.SyclEvent``.
            device: The device that it belongs to from now on; the current one if None. Streams of
                every device may wait for it.

        Raises:
            TypeError: It is not such a capsule; the message names what was given.
            ValueError: The capsule was already consumed, or the device does not exist.

        Example:
            >>> import torch, xpu_dynamo_event
            >>> recorded = xpu_dynamo_event.Event()
            >>> recorded.record()
            >>> same = xpu_dynamo_event.Event.from_capsule(recorded.to_capsule())
            >>> same.wait(torch.xpu.Stream())
            >>> same.synchronize()
            >>> recorded.query()
            True
        """
        event: Any = _native.EventBase.__new__(cls)
        _native.adopt_capsule(event, capsules.capsule_of(capsule), capsules.index_of(device))
        return event

    def ipc_handle(self) -> bytes:
        """Return the bytes by which another process opens this event.

        As ``torch.cuda.Event.ipc_handle``. No device with the aspect was at hand to run it on.

        Raises:
            ValueError: The event was made without ``interprocess=True``.
        """
        return super().ipc_handle()

    @classmethod
    @outside_graphs("no graph holds a capsule or a handle: do this outside the compiled region")
    def from_ipc_handle(cls, device: torch.device | int | str, handle: bytes) -> Self:
        """Return the event that another process got a handle of.

        As ``torch.cuda.Event.from_ipc_handle``. No device with the aspect was at hand to run it on.

        Args:
            device: The device that it is of.
            handle: What :meth:`ipc_handle` returned there.

        Raises:
            NotImplementedError: The device lacks the aspect ``ext_oneapi_ipc_event``.
            TypeError: ``handle`` is not bytes.
        """
        if not isinstance(handle, bytes):
            raise TypeError(
                "Event.from_ipc_handle() needs the bytes of Event.ipc_handle(), got "
                f"{type(handle).__name__}."
            )
        event: Any = _native.EventBase.__new__(cls)
        _native.adopt_handle(event, handle, capsules.index_of(device))
        return event

    def __deepcopy__(self, memo: dict[int, Any]) -> Event:
        """Return a new event with the same flags; what was recorded is not copied.

        Attributes that a subclass or a program added are copied deeply.
        """
        fresh = self._fresh()
        memo[id(self)] = fresh
        fresh._take_attributes(copy.deepcopy(self.__getstate__(), memo))
        return fresh

    def __copy__(self) -> Event:
        """Return a new event with the same flags; added attributes are shared."""
        fresh = self._fresh()
        fresh._take_attributes(self.__getstate__())
        return fresh

    def _fresh(self) -> Event:
        # As in any copy, a subclass's __new__ and __init__ do not run: they may want arguments.
        flags = {"enable_timing": self.enable_timing, "blocking": self.blocking}
        fresh: Any = _native.EventBase.__new__(type(self), **flags)
        return fresh

    def _take_attributes(self, state: Any) -> None:
        """Set what ``__getstate__`` gave: a dict, or a pair of it and the values of slots."""
        for attributes in state if isinstance(state, tuple) else (state,):
            for name, value in (attributes or {}).items():
                setattr(self, name, value)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse to be pickled."""
        refuse_to_pickle(self)

    @property
    def _as_parameter_(self) -> ctypes.c_void_p:
        """The native event as a ctypes argument."""
        return ctypes.c_void_p(self.sycl_event)

    def __repr__(self) -> str:
        state = f"sycl_event={self.sycl_event:#x}" if self.sycl_event else "uninitialized"
        return f"torch.xpu.Event({state})"
