#include "triton/kernel.h"

#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>

#include <sycl/backend/opencl.hpp>
#include <sycl/sycl.hpp>

namespace xpu_triton {
namespace {

Kernel* take_kernel(cl_program program, const std::string& name, c10::DeviceIndex index,
                    const sycl::device& hardware) {
  constexpr auto kOpenCL = sycl::backend::opencl;
  auto* const handle = make_kernel(program, name);
  return new Kernel{
      .name = name,
      .device = index,
      .handle = handle,
      .set_pointer = find_set_pointer(sycl::get_native<kOpenCL>(hardware.get_platform())),
      .arguments = argument_count(handle),
      .largest_work_group = largest_work_group(handle, sycl::get_native<kOpenCL>(hardware)),
      .mutex = {}};
}

}  // namespace

Built load(c10::DeviceIndex device, const std::string& name, const std::string& spirv,
           const std::optional<std::string>& binary, const std::string& flags) {
  const auto& hardware = c10::xpu::get_raw_device(device);
  TORCH_CHECK(hardware.get_backend() == sycl::backend::opencl, "xpu:", static_cast<int>(device),
              " is not a device of OpenCL, so it cannot load the Triton kernel '", name,
              "'. Use the C++ generator: xpu_dynamo_event.inductor_backend('cpp').");
  const auto context = sycl::get_native<sycl::backend::opencl>(c10::xpu::get_device_context());
  const auto native = sycl::get_native<sycl::backend::opencl>(hardware);
  Built built;
  if (binary) {
    // Of another version of the driver, perhaps; then the SPIR-V is built again.
    if (auto* const program = build(context, native, {*binary, true}, flags, built.log)) {
      built.kernel = take_kernel(program, name, device, hardware);
      return built;
    }
  }
  if (auto* const program = build(context, native, {spirv, false}, flags, built.log)) {
    built.kernel = take_kernel(program, name, device, hardware);
    built.binary = binary_of(program, native);
  }
  return built;
}

}  // namespace xpu_triton
