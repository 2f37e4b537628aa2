#include "runtime/c10_xpu/device_pool.h"

#include <c10/util/StringUtil.h>

#include <cstdlib>
#include <utility>

namespace xpu_runtime {
namespace {

constexpr const char* kDevicesVariable = "XPU_DYNAMO_EVENT_DEVICES";
constexpr int kMaxDevices = 64;

// All devices come from one platform, because they share one context.
std::vector<sycl::device> find_devices() {
  const auto platforms = sycl::platform::get_platforms();
  for (const auto& [backend, type] :
       {std::pair(sycl::backend::ext_oneapi_level_zero, sycl::info::device_type::gpu),
        std::pair(sycl::backend::opencl, sycl::info::device_type::cpu)}) {
    for (const auto& platform : platforms) {
      if (platform.get_backend() != backend) continue;
      if (auto found = platform.get_devices(type); !found.empty()) return found;
    }
  }
  return {};
}

std::string nothing_found() {
  std::string reason = "the SYCL runtime reports no Level Zero GPU and no OpenCL CPU device";
  for (const char* name : {"OCL_ICD_FILENAMES", "ONEAPI_DEVICE_SELECTOR"}) {
    const char* value = std::getenv(name);
    reason += std::string("; ") + name + (value ? std::string("=") + value : " is not set");
  }
  return reason +
         ". The OpenCL CPU device comes with the intel-opencl-rt package, or name its library in "
         "OCL_ICD_FILENAMES=<prefix>/lib/libintelocl.so";
}

void repeat_devices(DevicePool& pool, const char* wanted) {
  char* end = nullptr;
  const long count = std::strtol(wanted, &end, 10);
  if (end == wanted || *end != '\0' || count < 1 || count > kMaxDevices) {
    pool.devices.clear();
    pool.unavailable_reason = c10::str(kDevicesVariable, " must be a number from 1 to ",
                                       kMaxDevices, ", but it is '", wanted, "'");
    return;
  }
  const auto found = std::exchange(pool.devices, {});
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
    pool.devices.push_back(found[i % found.size()]);
}

DevicePool make_pool() {
  DevicePool pool;
  try {
    pool.devices = find_devices();
    if (pool.devices.empty()) {
      pool.unavailable_reason = nothing_found();
    } else if (const char* wanted = std::getenv(kDevicesVariable)) {
      repeat_devices(pool, wanted);
    }
  } catch (const std::exception& error) {
    pool.devices.clear();
    pool.unavailable_reason = std::string("the SYCL runtime failed: ") + error.what();
  }
  return pool;
}

}  // namespace

const DevicePool& device_pool() {
  // Leaked: SYCL objects must not be destroyed after the static objects of libsycl.
  static const auto* pool = new DevicePool(make_pool());
  return *pool;
}

}  // namespace xpu_runtime

int xpu_runtime_device_count() {
  return static_cast<int>(xpu_runtime::device_pool().devices.size());
}

const char* xpu_runtime_unavailable_reason() {
  return xpu_runtime::device_pool().unavailable_reason.c_str();
}
