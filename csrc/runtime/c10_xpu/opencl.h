#pragma once

#include <CL/cl.h>
#include <c10/macros/Export.h>

#include <optional>
#include <sycl/sycl.hpp>

namespace xpu_runtime {

/// The queue's OpenCL command queue, if its device can run host functions in order with the rest.
/// SYCL's own host_task would do too, but costs 50 times as much and makes barriers block the host.
[[nodiscard]] C10_EXPORT std::optional<cl_command_queue> native_kernel_queue(const sycl::queue&);

/// Has a thread of the device run `function`, on a copy of the bytes of `arguments`.
void enqueue_native_kernel(cl_command_queue queue, void(CL_CALLBACK* function)(void*),
                           void* arguments, std::size_t bytes);

/// Waits for all commands of a queue.
void finish_native_queue(cl_command_queue queue);

}  // namespace xpu_runtime
