#pragma once

#include <c10/xpu/XPUStream.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/c10_xpu/order_log.h"
#include "triton/kernel.h"

namespace xpu_triton {

/// An argument of a kernel: an address in device memory, or the bytes of a number.
struct Argument {
  std::uint64_t value;
  std::uint8_t size;  ///< in bytes; 0 of an address
};

/// A launch of a kernel.
struct Launch {
  std::size_t groups[3];     ///< work groups in x, y and z; none of them 0
  std::size_t width;         ///< work items of a work group
  std::size_t shared_bytes;  ///< of local memory; 0: the kernel takes none
  std::vector<Argument> arguments;
  xpu_runtime::order_log::Accesses accesses;  ///< empty where the order log is off
};

/// Submits a launch to a stream as one of its tasks, and returns at once. The order log, the
/// runtime log and torch.profiler see it under the name of the kernel.
void launch(const c10::xpu::XPUStream& stream, Kernel& kernel, Launch launch);

}  // namespace xpu_triton
