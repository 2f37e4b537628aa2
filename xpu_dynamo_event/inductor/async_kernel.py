"""Turns a C++ kernel of Inductor into one that enqueues itself on the current stream.

Inductor's C++ backend emits ``extern "C" void kernel(const float* in_ptr0, ...)``, which its Python
binding calls and which has done its work when it returns. Here that function becomes the *body*,
and ``kernel`` a stub that copies the arguments into a block, hands block and body to
``xpu_runtime_enqueue`` of libc10_xpu.so and returns. Nothing else of the generated source changes,
so compile cache, worker pool and precompiled header keep working as they do for a CPU.

Arguments are pointers to device memory and numbers. Device memory is freed and reused in stream
order, so the pointers need no owner. A tensor of the host has no such order: a number that lives in
host memory is read while the call is issued and travels by value.

The symbol is looked up in the process, not passed in the environment: a compiled kernel lives in a
cache on disk and is loaded by processes that know nothing of the one that made it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

# Upstream keeps the address of the running kernel's error flag in one variable of the process,
# which kernels of two streams would overwrite for each other.
_DIVISION_FLAG = "inductor_cpu_integer_div_error"
_INTEGER_DIVISION = re.compile(r"\b(?:floor_divide_integral|remainder_integral|mod)\(")
_DIVISION_LOCK = """
#ifndef XPU_ASYNC_DIVISION
#define XPU_ASYNC_DIVISION
inline std::mutex xpu_async_division;
#endif
"""
_DIVISION_GUARD = """
  const std::lock_guard<std::mutex> lock(xpu_async_division);
  struct Reset {
    ~Reset() { inductor_cpu_integer_div_error_flag = nullptr; }
  } reset;"""

_STUB = """
#include <dlfcn.h>
#include <memory>
#include <mutex>
#include <stdexcept>
{lock}
namespace {space} {{
struct Call {{
{members}
}};

static void run(void* argument) {{
  const std::unique_ptr<Call> call(static_cast<Call*>(argument));{guard}
  {space}_body({arguments});
}}

struct Access {{
  const void* address;
  int64_t bytes;  // -1: not known
  bool is_write;
}};

using Enqueue = void (*)(void (*)(void*), void*, const char*, const Access*, size_t);

static Enqueue find_enqueue() {{
  void* const symbol = dlsym(RTLD_DEFAULT, "xpu_runtime_enqueue");
  if (symbol == nullptr)
    throw std::runtime_error(
        "xpu_runtime_enqueue is not in this process, so a compiled xpu kernel cannot run; "
        "import xpu_dynamo_event, which loads the xpu runtime, before the compiled code");
  return reinterpret_cast<Enqueue>(symbol);
}}
}}  // namespace {space}

extern "C" void {entry}({parameters}) {{
  static const auto enqueue = {space}::find_enqueue();
  std::unique_ptr<{space}::Call> call(new {space}::Call{{{values}}});
{accesses}
  enqueue(&{space}::run, call.get(), "{name}", accesses, {count});
  call.release();  // the task owns it
}}
"""


def enqueued(
    source: str,
    *,
    entry: str,
    parameters: Sequence[str],
    host_numbers: Collection[str],
    name: str,
    memory: Mapping[str, Memory],
) -> str:
    """Return ``source`` with its kernel made asynchronous.

    Args:
        source: C++ of one kernel, as Inductor's C++ backend writes it.
        entry: Name of the kernel function in ``source``; the stub takes it over.
        parameters: The kernel's parameters, for example ``["const float* in_ptr0"]``.
        host_numbers: Names of those parameters that point to a single number in host memory.
        name: What traces and profiles call the kernel.
        memory: What is known of the memory behind parameters, by their names.

    Returns:
        C++ source in which ``entry`` enqueues the work on the current stream and returns.

    Raises:
        RuntimeError: ``source`` does not define ``entry`` in the expected form.
    """
    space = f"xpu_async_{entry}"  # with cpp_wrapper all kernels of a graph are in one file
    body = _without_entry(source, entry, space)
    divides = _INTEGER_DIVISION.search(body) is not None
    if not divides:
        body = _without_division_flag(body)
    captured = [_Captured(parameter, host_numbers) for parameter in parameters]
    return body + _STUB.format(
        entry=entry,
        space=space,
        name=name,
        parameters=", ".join(parameters),
        members="\n".join(f"  {each.member};" for each in captured) or "  char unused;",
        values=", ".join(each.value for each in captured),
        arguments=", ".join(each.argument for each in captured),
        lock=_DIVISION_LOCK if divides else "",
        guard=_DIVISION_GUARD if divides else "",
        accesses=_accesses(memory, space),
        count=len(memory),
    )


def _accesses(memory: Mapping[str, Memory], space: str) -> str:
    """Tell the order log (csrc/runtime/c10_xpu/order_log.h) what the kernel reads and writes."""
    entries = [
        f"{{{name}, {-1 if each.bytes is None else each.bytes}, {str(each.is_written).lower()}}}"
        for name, each in memory.items()
    ]
    if not entries:
        return f"  const {space}::Access* const accesses = nullptr;"
    return f"  const {space}::Access accesses[] = {{{', '.join(entries)}}};"


class Memory(NamedTuple):
    """Device memory behind a parameter.

    Attributes:
        bytes: Its extent from the address on; None where that depends on dynamic shapes.
        is_written: Whether the kernel writes to it.
    """

    bytes: int | None
    is_written: bool


class _Captured:
    """One parameter: how the block holds it, how it gets in, and how the body gets it back."""

    def __init__(self, parameter: str, host_numbers: Collection[str]) -> None:
        kind, name = parameter.rsplit(maxsplit=1)
        if name in host_numbers:
            self.member = f"{kind.rstrip('*')} {name}"
            self.value = f"*{name}"
            self.argument = f"&call->{name}"
        else:
            self.member = parameter
            self.value = name
            self.argument = f"call->{name}"


def _without_entry(source: str, entry: str, space: str) -> str:
    header = re.compile(
        rf'extern\s+"C"\s+void\s+(?:C10_ALWAYS_INLINE_ATTRIBUTE\s+)?{re.escape(entry)}\s*\('
    )
    body, count = header.subn(f"static void {space}_body(", source)
    if count != 1:
        raise RuntimeError(
            f"expected one definition of the kernel {entry!r} in the C++ code that Inductor "
            f"generated for device xpu, found {count}; this torch generates code that "
            f"xpu_dynamo_event does not know. The code:\n{source}"
        )
    return body


def _without_division_flag(body: str) -> str:
    return "\n".join(line for line in body.split("\n") if _DIVISION_FLAG not in line)
