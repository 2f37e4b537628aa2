#pragma once

#include <ATen/core/CachingHostAllocator.h>

namespace xpu_runtime {

/// The allocator of pinned host memory: USM the device can access, cached, and not reused before
/// the copies that were recorded for it are complete.
[[nodiscard]] at::HostAllocator* pinned_allocator();

/// Whether the memory is pinned for this device.
[[nodiscard]] bool is_pinned(const void* pointer) noexcept;

}  // namespace xpu_runtime
