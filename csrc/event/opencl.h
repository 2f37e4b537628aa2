#pragma once

namespace xpu_event {

/// Looks up a function of the OpenCL loader that the SYCL runtime has loaded.
///
/// Args:
///   name: e.g. "clCreateUserEvent".
///
/// Raises:
///   Error: when SYCL runs without OpenCL, or its loader lacks the function.
///
/// libOpenCL is not linked: it finds its own dependencies only once the SYCL runtime has loaded
/// them, and a process without an OpenCL device must not need it at all.
[[nodiscard]] void* find_opencl_symbol(const char* name);

/// Same, as a function of type `Function`.
template <typename Function>
[[nodiscard]] Function* find_opencl_function(const char* name) {
  return reinterpret_cast<Function*>(find_opencl_symbol(name));
}

}  // namespace xpu_event
