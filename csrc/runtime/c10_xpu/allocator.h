#pragma once

#include <c10/core/Device.h>

#include <optional>

#include "runtime/c10_xpu/export.h"

namespace xpu_runtime {

/// The device whose cache the pointer comes from, also for pointers into the middle of a block.
[[nodiscard]] XPU_RUNTIME_API std::optional<c10::DeviceIndex> device_of_allocation(
    const void* pointer);

}  // namespace xpu_runtime
