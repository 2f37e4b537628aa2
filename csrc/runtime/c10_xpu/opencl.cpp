#include "runtime/c10_xpu/opencl.h"

#include <c10/util/Exception.h>

#include <cstdlib>
#include <sycl/backend/opencl.hpp>

#include "event/opencl.h"

namespace xpu_runtime {
namespace {

using xpu_event::find_opencl_function;

bool runs_native_kernels(const sycl::device& device) {
  const auto get_device_info = find_opencl_function<decltype(clGetDeviceInfo)>("clGetDeviceInfo");
  cl_device_exec_capabilities capabilities = 0;
  const auto native = sycl::get_native<sycl::backend::opencl>(device);
  check_opencl(get_device_info(native, CL_DEVICE_EXECUTION_CAPABILITIES, sizeof(capabilities),
                               &capabilities, nullptr),
               "clGetDeviceInfo");
  return (capabilities & CL_EXEC_NATIVE_KERNEL) != 0;
}

}  // namespace

const OpenCL& opencl() {
  static const OpenCL calls{
      find_opencl_function<decltype(clEnqueueNativeKernel)>("clEnqueueNativeKernel"),
      find_opencl_function<decltype(clFlush)>("clFlush"),
      find_opencl_function<decltype(clFinish)>("clFinish")};
  return calls;
}

std::optional<cl_command_queue> native_kernel_queue(const sycl::queue& queue) {
  // For tests: what a device without OpenCL does.
  if (std::getenv("XPU_DYNAMO_EVENT_HOST_TASKS")) return std::nullopt;
  if (queue.get_backend() != sycl::backend::opencl) return std::nullopt;
  if (!runs_native_kernels(queue.get_device())) return std::nullopt;
  return sycl::get_native<sycl::backend::opencl>(queue);
}

void check_opencl(cl_int code, const char* call) {
  TORCH_CHECK(code == CL_SUCCESS, call, " failed with OpenCL error ", code, ".");
}

}  // namespace xpu_runtime
