"""Imported by each kernel that Inductor generates for the runtime's device.

A process that compiles kernels for another one, or takes them out of a cache, has then brought the
device up and changed Triton and Inductor as is needed to compile them.
"""

from __future__ import annotations

from .._compat import inductor_triton

inductor_triton.load_spirv()
