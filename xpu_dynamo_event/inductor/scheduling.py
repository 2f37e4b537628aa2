"""Generates the C++ kernels of the runtime's device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._compat import inductor as upstream
from .async_kernel import enqueued
from .host_tensors import host_numbers
from .touched_memory import device_memory


class XpuCppScheduling(upstream.CppScheduling):  # type: ignore[misc]
    """Inductor's C++ code generation, with kernels that enqueue themselves on the current stream.

    Like upstream, consecutive nodes become one kernel, whose call is emitted when something else
    must come after it. Upstream does not see all that must: the wrapper adds the end of a device
    guard and of a stream context, and a shim operations without a device (event operations).

    A kernel uses one thread: a team of threads inside a task of the runtime oversubscribes the
    machine and costs milliseconds. Streams run in parallel instead.
    """

    def codegen_node(self, node: Any) -> None:
        """Generate the loops of a node, to run on one thread whatever the CPU's setting is."""
        with upstream.config.patch({"cpp.threads": 1, "cpp.dynamic_threads": False}):
            super().codegen_node(node)

    def define_kernel(self, src_code: str, nodes: Sequence[Any], kernel_args: Any = None) -> str:
        """Define a kernel whose call enqueues it.

        Args:
            src_code: What the C++ backend generated.
            nodes: The nodes the kernel computes.
            kernel_args: Its arguments; those of the current group when None.

        Returns:
            The kernel's name in the wrapper.
        """
        args = self.kernel_group.args if kernel_args is None else kernel_args
        parameters, buffers, _ = args.cpp_argdefs()
        source = enqueued(
            src_code,
            entry=upstream.KERNEL_NAME,
            parameters=parameters,
            host_numbers=host_numbers(args),
            name=f"cpp_{upstream.fused_kernel_name(nodes)}",
            memory=device_memory(parameters, buffers),
        )
        kernel_name: str = super().define_kernel(source, nodes, kernel_args)
        return kernel_name

    def codegen_sync(self) -> None:
        """Wait for the device after each kernel, for ``config.triton.debug_sync_kernel``."""
        self.flush()
        graph: Any = upstream.V.graph
        graph.wrapper_code.writeline(graph.device_ops.synchronize())

    def benchmark_fused_nodes(self, nodes: Sequence[Any]) -> tuple[float, str]:
        """Allow every fusion that the C++ backend allows, as on a CPU (no benchmarking)."""
        return 0.0, ""
