#pragma once

#include <string>
#include <vector>

#include <sycl/sycl.hpp>

#include "runtime/c10_xpu/export.h"

namespace xpu_runtime {

/// The devices of this process, found once. An index of c10::xpu is an index into `devices`.
struct DevicePool {
  std::vector<sycl::device> devices;
  /// Why `devices` is empty; empty otherwise.
  std::string unavailable_reason;
};

/// Intel GPUs on Level Zero if there are any, otherwise the OpenCL CPU device. Never throws.
///
/// XPU_DYNAMO_EVENT_DEVICES=n makes it n devices, by repeating the ones found: virtual devices that
/// exercise every check on devices with one piece of hardware.
const DevicePool& device_pool();

}  // namespace xpu_runtime

extern "C" {
/// For the Python side, which must know before it loads anything that registers with torch.
XPU_RUNTIME_API int xpu_runtime_device_count();
XPU_RUNTIME_API const char* xpu_runtime_unavailable_reason();
}
