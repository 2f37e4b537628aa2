#include "runtime/c10_xpu/opencl.h"

#include <c10/util/Exception.h>

#include <cstdlib>
#include <sycl/backend/opencl.hpp>

#include "event/opencl.h"

namespace xpu_runtime {
namespace {

using xpu_event::find_opencl_function;

void check(cl_int code, const char* call) {
  TORCH_CHECK(code == CL_SUCCESS, call, " failed with OpenCL error ", code, ".");
}

bool runs_native_kernels(const sycl::device& device) {
  const auto get_device_info = find_opencl_function<decltype(clGetDeviceInfo)>("clGetDeviceInfo");
  cl_device_exec_capabilities capabilities = 0;
  const auto native = sycl::get_native<sycl::backend::opencl>(device);
  check(get_device_info(native, CL_DEVICE_EXECUTION_CAPABILITIES, sizeof(capabilities),
                        &capabilities, nullptr),
        "clGetDeviceInfo");
  return (capabilities & CL_EXEC_NATIVE_KERNEL) != 0;
}

}  // namespace

std::optional<cl_command_queue> native_kernel_queue(const sycl::queue& queue) {
  // For tests: what a device without OpenCL does.
  if (std::getenv("XPU_DYNAMO_EVENT_HOST_TASKS")) return std::nullopt;
  if (queue.get_backend() != sycl::backend::opencl) return std::nullopt;
  if (!runs_native_kernels(queue.get_device())) return std::nullopt;
  return sycl::get_native<sycl::backend::opencl>(queue);
}

void enqueue_native_kernel(cl_command_queue queue, void(CL_CALLBACK* function)(void*),
                           void* arguments, std::size_t bytes) {
  static const auto enqueue =
      find_opencl_function<decltype(clEnqueueNativeKernel)>("clEnqueueNativeKernel");
  static const auto flush = find_opencl_function<decltype(clFlush)>("clFlush");
  check(enqueue(queue, function, arguments, bytes, 0, nullptr, nullptr, 0, nullptr, nullptr),
        "clEnqueueNativeKernel");
  check(flush(queue), "clFlush");
}

void finish_native_queue(cl_command_queue queue) {
  static const auto finish = find_opencl_function<decltype(clFinish)>("clFinish");
  check(finish(queue), "clFinish");
}

}  // namespace xpu_runtime
