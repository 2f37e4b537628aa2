#pragma once

#include <c10/core/Device.h>
#include <c10/macros/Export.h>

#include <string>
#include <vector>

#include <sycl/sycl.hpp>

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

/// Returns the index, if there is such a device. Throws otherwise.
[[nodiscard]] c10::DeviceIndex checked(c10::DeviceIndex device);

/// The same; -1 is the current device.
[[nodiscard]] C10_EXPORT c10::DeviceIndex resolve(c10::DeviceIndex device);

}  // namespace xpu_runtime

extern "C" {
/// For the Python side, which must know before it loads anything that registers with torch.
C10_EXPORT int xpu_runtime_device_count();
C10_EXPORT const char* xpu_runtime_unavailable_reason();
}
