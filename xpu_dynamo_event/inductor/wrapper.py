"""Generates the Python code that calls the kernels of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from .._compat import inductor as upstream
from .host_tensors import on_device
from .stream_memory import StreamOrderedMemory


class StreamSafeSubgraphWrapper(
    StreamOrderedMemory,
    upstream.SubgraphPythonWrapperCodegen,  # type: ignore[misc]
):
    """The wrapper of a branch, a loop body or a partition."""


class StreamSafeWrapper(StreamOrderedMemory, upstream.PythonWrapperCodegen):  # type: ignore[misc]
    """Upstream's wrapper of a graph, with memory that respects switches of the current stream."""

    subgraph_wrapper: type = StreamSafeSubgraphWrapper

    @classmethod
    def create(
        cls,
        is_subgraph: bool,
        subgraph_name: str | None,
        parent_wrapper: Any,
        partition_signatures: Any = None,
    ) -> Any:
        """Make the wrapper of a graph or of a graph inside it, as Inductor asks for it."""
        if is_subgraph:
            return cls.subgraph_wrapper(subgraph_name, parent_wrapper, partition_signatures)
        return cls()


class XpuCalls(upstream.UntypedBase):  # type: ignore[misc]
    """Calls kernels that enqueue themselves on the stream that is current at that moment."""

    def _generate_kernel_call_helper(
        self,
        kernel_name: str,
        call_args: Sequence[str],
        *,
        device: Any = None,
        triton: bool = True,
        **kwargs: Any,
    ) -> None:
        device = device or upstream.V.graph.get_current_device_or_throw()
        if triton or device.type != "xpu":
            super()._generate_kernel_call_helper(
                kernel_name, call_args, device=device, triton=triton, **kwargs
            )
            return
        arguments = [on_device(argument, device) for argument in call_args]
        self.writeline(self.wrap_kernel_call(kernel_name, arguments))

    def codegen_device_guard_exit(self) -> None:
        """Leave the device, after the kernels that belong to it (upstream emits them too late)."""
        upstream.flush_pending_kernels()
        super().codegen_device_guard_exit()

    def codegen_cuda_stream_enter(self, stream_idx: int) -> Any:
        """Enter upstream's stream context, after the kernels of the stream before."""
        upstream.flush_pending_kernels()
        return super().codegen_cuda_stream_enter(stream_idx)

    def codegen_cuda_stream_exit(self) -> None:
        """Leave upstream's stream context, after its kernels."""
        upstream.flush_pending_kernels()
        super().codegen_cuda_stream_exit()


class XpuSubgraphWrapper(XpuCalls, StreamSafeSubgraphWrapper):
    """The same for kernels of the runtime's device."""


class XpuTritonWrapper(StreamSafeWrapper):
    """The wrapper of a graph on the runtime's device, with kernels of Triton."""

    def write_header(self) -> None:
        """Write upstream's header, with an allocator that a torch without XPU does not have."""
        super().write_header()
        self.header.writeline(
            f"from {__package__}.allocation import empty_strided as empty_strided_xpu"
        )


class XpuWrapper(XpuCalls, XpuTritonWrapper):
    """The same with kernels in C++."""

    subgraph_wrapper = XpuSubgraphWrapper


class UnsupportedWrapper(upstream.PythonWrapperCodegen):  # type: ignore[misc]
    """Stands for the wrappers that the runtime's device does not have."""

    @staticmethod
    def create(*_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse to generate such a wrapper."""
        raise NotImplementedError(
            "Inductor's fx_wrapper, and with kernels of Triton also cpp_wrapper and AOTInductor, "
            "are not supported on the xpu device that xpu_dynamo_event provides for a torch "
            "without XPU. Leave config.fx_wrapper and config.cpp_wrapper off, choose kernels in "
            "C++ (XPU_DYNAMO_EVENT_INDUCTOR=cpp), or use a torch build with XPU"
        )
