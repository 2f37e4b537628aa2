#pragma once

#include <CL/cl.h>

#include <optional>
#include <sycl/sycl.hpp>

namespace xpu_runtime {

/// The OpenCL calls behind asynchronous host work, looked up once.
struct OpenCL {
  decltype(clEnqueueNativeKernel)* enqueue_native_kernel;
  decltype(clFlush)* flush;
  decltype(clFinish)* finish;
};

[[nodiscard]] const OpenCL& opencl();

/// The queue's OpenCL command queue, if its device can run host functions in order with the rest.
/// SYCL's own host_task would do too, but costs 50 times as much and makes barriers block the host.
[[nodiscard]] std::optional<cl_command_queue> native_kernel_queue(const sycl::queue& queue);

/// Throws an error that names the call and the code, unless `code` is CL_SUCCESS.
void check_opencl(cl_int code, const char* call);

}  // namespace xpu_runtime
