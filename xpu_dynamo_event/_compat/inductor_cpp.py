"""Inductor's C++ wrapper, of which the one of the runtime's device is made.

Upstream: torch/_inductor/codegen/cpp_wrapper_cpu.py.
Versions: 2.13 to 2.15.
CAN REMOVE when Inductor has a public way to register a C++ wrapper for a device.
"""

from __future__ import annotations

from typing import Any

from sympy import Expr  # type: ignore[import-untyped]
from torch._inductor.codegen import cpp_wrapper_cpu
from torch._ops import OpOverload

__all__ = ["CppWrapperCpu", "Expr", "OpOverload"]

CppWrapperCpu: Any = cpp_wrapper_cpu.CppWrapperCpu
