#pragma once

#include <c10/core/Device.h>
#include <c10/macros/Export.h>

#include <optional>

namespace xpu_runtime {

/// The device whose cache the pointer comes from, also for pointers into the middle of a block.
[[nodiscard]] C10_EXPORT std::optional<c10::DeviceIndex> device_of_allocation(const void* pointer);

}  // namespace xpu_runtime
