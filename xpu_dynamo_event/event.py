"""The XPU event."""

from __future__ import annotations

import copy
import ctypes
from typing import Any, NoReturn

from . import _native
from .copying import refuse_to_pickle


class Event(_native.EventBase):
    """A point in the work of an XPU stream; a :class:`torch.Event`.

    The native event is created at the first :meth:`record`, on the device of the stream, and stays
    on that device. On a torch without XPU this class is ``torch.xpu.Event``.

    The methods are native code that releases the GIL. Semantics: PyTorch PR 134845 (XPUEvent) and
    PR 117734 (torch.xpu.Event), SYCL 2020 section 4.6.6 (``sycl::event``).

    Args:
        enable_timing: Whether the event measures time, for :meth:`elapsed_time`.
        blocking: Whether the host should sleep rather than spin in :meth:`synchronize`. The SYCL
            runtime always sleeps; the flag is kept so that programs written for CUDA find it.
        interprocess: Not supported; ``True`` raises NotImplementedError.

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
