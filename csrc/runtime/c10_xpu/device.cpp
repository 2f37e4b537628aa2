// Devices: c10/xpu/XPUFunctions.h and c10/xpu/PeerToPeerAccess.h.
#include <c10/xpu/PeerToPeerAccess.h>
#include <c10/xpu/XPUCachingAllocator.h>
#include <c10/xpu/XPUFunctions.h>

#include "runtime/c10_xpu/allocator.h"
#include "runtime/c10_xpu/device_pool.h"
#include "runtime/c10_xpu/fork.h"

namespace c10::xpu {
namespace {

thread_local DeviceIndex current_index = 0;

}  // namespace

DeviceIndex device_count() {
  return static_cast<DeviceIndex>(xpu_runtime::device_pool().devices.size());
}

DeviceIndex device_count_ensure_non_zero() {
  const auto count = device_count();
  TORCH_CHECK(count > 0,
              "No XPU device is available: ", xpu_runtime::device_pool().unavailable_reason, ".");
  return count;
}

DeviceIndex current_device() {
  device_count_ensure_non_zero();
  return current_index;
}

void set_device(DeviceIndex device) { current_index = xpu_runtime::checked(device); }

DeviceIndex exchange_device(DeviceIndex device) {
  const auto previous = current_device();
  if (device != previous) set_device(device);
  return previous;
}

DeviceIndex maybe_exchange_device(DeviceIndex to_device) { return exchange_device(to_device); }

sycl::device& get_raw_device(DeviceIndex device) {
  const auto& devices = xpu_runtime::device_pool().devices;
  return const_cast<sycl::device&>(devices[xpu_runtime::checked(device)]);
}

sycl::context& get_device_context() {
  xpu_runtime::check_not_forked();
  static auto* context =
      new sycl::context(get_raw_device(0).get_platform().khr_get_default_context());
  return *context;
}

DeviceIndex get_device_idx_from_pointer(void* ptr) {
  TORCH_CHECK(ptr, "A null pointer belongs to no XPU device.");
  // Virtual devices share hardware, so SYCL cannot tell them apart: the allocator can.
  if (const auto owner = xpu_runtime::device_of_allocation(ptr)) return *owner;
  const auto& context = get_device_context();
  TORCH_CHECK(sycl::get_pointer_type(ptr, context) == sycl::usm::alloc::device, "The pointer ", ptr,
              " is not device memory of this XPU context.");
  const auto owner = sycl::get_pointer_device(ptr, context);
  for (DeviceIndex i = 0; i < device_count(); ++i)
    if (get_raw_device(i) == owner) return i;
  TORCH_CHECK(false, "The pointer ", ptr, " belongs to a device that is not among the ",
              static_cast<int>(device_count()), " XPU devices of this process.");
}

bool get_p2p_access(DeviceIndex dev, DeviceIndex dev_to_access) {
  if (dev == dev_to_access) return true;
  auto& device = get_raw_device(dev);
  auto& peer = get_raw_device(dev_to_access);
  return device == peer ||
         device.ext_oneapi_can_access_peer(peer, sycl::ext::oneapi::peer_access::access_supported);
}

}  // namespace c10::xpu

namespace xpu_runtime {

c10::DeviceIndex checked(c10::DeviceIndex device) {
  c10::xpu::device_count_ensure_non_zero();
  c10::xpu::check_device_index(device);
  return device;
}

c10::DeviceIndex resolve(c10::DeviceIndex device) {
  return device == -1 ? c10::xpu::current_device() : checked(device);
}

}  // namespace xpu_runtime
