#pragma once

#include <c10/core/Device.h>

#include <mutex>
#include <optional>
#include <string>

#include "triton/opencl.h"

namespace xpu_triton {

/// A built kernel, for one device. Lives for ever, as launches of it may run at any time.
struct Kernel {
  std::string name;
  c10::DeviceIndex device;
  cl_kernel handle;
  SetPointer set_pointer;
  cl_uint arguments;               ///< how many it takes
  std::size_t largest_work_group;  ///< in work items
  std::mutex mutex;                ///< from its first argument until it is in the queue
};

/// What came out of an attempt to build a program.
struct Built {
  Kernel* kernel = nullptr;  ///< null: refused
  std::string log;           ///< why
  std::string binary;        ///< of what was built from SPIR-V, for the next process
};

/// Builds a program for a device and takes its kernel. Takes from 2 ms to half a second; call it
/// without the interpreter lock.
///
/// Args:
///   binary: what an earlier build of the same SPIR-V returned; a stale one is ignored.
///   flags: of the compiler.
[[nodiscard]] Built load(c10::DeviceIndex device, const std::string& name, const std::string& spirv,
                         const std::optional<std::string>& binary, const std::string& flags);

}  // namespace xpu_triton
