"""How a wrapper writes what has to do with streams: in Python or in C++ (``cpp_wrapper``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Protocol

from .._compat import inductor_ir as ir
from .event_lines import NATIVE, EventOpLine


class Spelling(Protocol):
    """What :class:`~.stream_memory.StreamOrderedMemory` and the event ops write."""

    def event_op(self, wrapper: Any, name: str, operands: Sequence[Any]) -> None:
        """Write an event op that returns nothing."""

    def reading(self, wrapper: Any, result: str, name: str, operands: Sequence[Any]) -> None:
        """Write an event op whose result becomes a CPU tensor."""

    def record_stream(self, tensor: str, stream: str) -> str:
        """Return the note that a tensor is used on a stream."""

    def current_stream(self, device_index: int) -> str:
        """Return the stream that is current on a device."""

    def variable(self, name: str, value: str) -> str:
        """Return the definition of a variable for a stream."""

    def synchronize_stream(self, stream: str) -> str:
        """Return the wait of the host for a stream."""

    def comment(self, text: str) -> str:
        """Return a comment."""


class InPython:
    """The code of Inductor's Python wrapper."""

    def event_op(self, wrapper: Any, name: str, operands: Sequence[Any]) -> None:
        """Write a call of the native module."""
        wrapper.add_import_once(f"from xpu_dynamo_event import _native as {NATIVE}")
        wrapper.writeline(EventOpLine(name, [ir.argument_code(each) for each in operands]))

    def reading(self, wrapper: Any, result: str, name: str, operands: Sequence[Any]) -> None:
        """Write a call of the op."""
        arguments = ", ".join(ir.argument_code(each) for each in operands)
        wrapper.writeline(f"{result} = torch.ops.xpu_event.{name}.tensor({arguments})")

    def record_stream(self, tensor: str, stream: str) -> str:
        """Return a call of the tensor's method."""
        return f"{tensor}.record_stream({stream})"

    def current_stream(self, device_index: int) -> str:
        """Return a call of torch."""
        return f"torch.xpu.current_stream({device_index})"

    def variable(self, name: str, value: str) -> str:
        """Return an assignment."""
        return f"{name} = {value}"

    def synchronize_stream(self, stream: str) -> str:
        """Return a call of the stream's method."""
        return f"{stream}.synchronize()"

    def comment(self, text: str) -> str:
        """Return a comment."""
        return f"# {text}"


_RESULTS = {"query": "int32_t", "query_stream": "int32_t", "elapsed_time": "double"}
"""What the functions of c_api.h return by a pointer."""


class InCpp:
    """The code of Inductor's C++ wrapper: functions of ``xpu_dynamo_event/c_api.h``."""

    def event_op(self, wrapper: Any, name: str, operands: Sequence[Any]) -> None:
        """Write a call of the C interface."""
        wrapper.writeline(_call(name, *map(_operand, operands)))

    def reading(self, wrapper: Any, result: str, name: str, operands: Sequence[Any]) -> None:
        """Write a call of the C interface, and make a tensor of what it says.

        Raises:
            NotImplementedError: Only the Python object of an event knows the answer.
        """
        if name not in _RESULTS:
            raise NotImplementedError(
                f"Inductor's cpp_wrapper cannot read {name!r} of an event, which only the Python "
                "object knows (hash(), repr(), a handle). Read it outside the compiled function, "
                "or leave config.cpp_wrapper off (TORCHINDUCTOR_CPP_WRAPPER=0)"
            )
        wrapper.writeline(f"{_RESULTS[name]} {result}_read;")
        wrapper.writeline(_call(name, *map(_operand, operands), f"&{result}_read"))
        value = f"{result}_read" if name == "elapsed_time" else f"{result}_read != 0"
        wrapper.writeline(f"RAIIAtenTensorHandle {result} = scalar_to_tensor_handle({value});")

    def record_stream(self, tensor: str, stream: str) -> str:
        """Return a call of the C interface."""
        return _call("record_stream", tensor, stream)

    def current_stream(self, device_index: int) -> str:
        """Return a call of a function in generated.h."""
        return f"xpu_current_stream({device_index})"

    def variable(self, name: str, value: str) -> str:
        """Return a constant."""
        return f"const XpuStream {name} = {value};"

    def synchronize_stream(self, stream: str) -> str:
        """Return a call of the C interface."""
        return _call("synchronize_stream", stream)

    def comment(self, text: str) -> str:
        """Return a comment."""
        return f"// {text}"


def spelling_of(wrapper: Any) -> Spelling:
    """Return how a wrapper writes; upstream's own, of a graph without the device, is Python."""
    return getattr(wrapper, "spelling", None) or InPython()


def _call(name: str, *arguments: str) -> str:
    return f"xpu_check(xpu_event->{name}({', '.join(arguments)}));"


def _operand(operand: Any) -> str:
    return "xpu_current" if operand is None else ir.argument_code(operand)


def prologue() -> str:
    """Return the C++ that comes before that of a graph: the C interface, and how it is called."""
    headers = files(__package__.partition(".")[0]) / "include/xpu_dynamo_event"
    texts = [(headers / name).read_text() for name in ("c_api.h", "generated.h")]
    return "\n".join(re.sub(r'#pragma once|#include ".*"', "", text) for text in texts)


EPILOGUE = """
extern "C" __attribute__((visibility("default"))) void xpu_event_entry(
    AtenTensorHandle* operands, AtenTensorHandle* results) {
  inductor_entry_impl(operands, results);
}
"""
