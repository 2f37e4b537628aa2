// Uninitialised tensors.
#include "runtime/tensors/factories.h"

#include <ATen/EmptyTensor.h>
#include <c10/core/DefaultDtype.h>
#include <c10/core/DeviceGuard.h>
#include <c10/xpu/XPUCachingAllocator.h>
#include <c10/xpu/XPUFunctions.h>
#include <torch/library.h>

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::Device;

constexpr c10::DispatchKeySet kXPUKeys(c10::DispatchKey::XPU);

thread_local bool without_memory = false;

struct NoMemory final : c10::Allocator {
  c10::DataPtr allocate(std::size_t /*bytes*/) override {
    return {nullptr, Device(c10::kXPU, c10::xpu::current_device())};
  }
  void copy_data(void* /*to*/, const void* /*from*/, std::size_t /*bytes*/) const override {}
};

c10::Allocator* allocator() {
  static NoMemory no_memory;
  if (without_memory) [[unlikely]]
    return &no_memory;
  return c10::xpu::XPUCachingAllocator::get();
}

Device resolve(std::optional<Device> device) {
  if (device && device->has_index()) return *device;
  return {c10::kXPU, c10::xpu::current_device()};
}

void check_options(std::optional<at::Layout> layout, std::optional<bool> pin_memory) {
  TORCH_CHECK(layout.value_or(at::kStrided) == at::kStrided,
              "Only strided tensors can be made on "
              "the xpu device of this runtime, but layout is ",
              *layout, ".");
  TORCH_CHECK(!pin_memory.value_or(false),
              "Only dense CPU tensors can be pinned; make the tensor without pin_memory=True.");
}

// Plain integers, not symbols: for those at::detail notices a size that overflows.
Tensor empty_memory_format(at::IntArrayRef size, std::optional<at::ScalarType> dtype,
                           std::optional<at::Layout> layout, std::optional<Device> device,
                           std::optional<bool> pin_memory,
                           std::optional<at::MemoryFormat> memory_format) {
  check_options(layout, pin_memory);
  const c10::DeviceGuard guard(resolve(device));
  return at::detail::empty_generic(size, allocator(), kXPUKeys, c10::dtype_or_default(dtype),
                                   memory_format);
}

Tensor empty_with_strides(at::IntArrayRef size, at::IntArrayRef stride,
                          std::optional<at::ScalarType> dtype, std::optional<at::Layout> layout,
                          std::optional<Device> device, std::optional<bool> pin_memory) {
  check_options(layout, pin_memory);
  return empty_strided(size, stride, c10::dtype_or_default(dtype), resolve(device));
}

}  // namespace

WithoutMemory::WithoutMemory() noexcept { without_memory = true; }

WithoutMemory::~WithoutMemory() { without_memory = false; }

bool WithoutMemory::here() noexcept { return without_memory; }

Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, at::ScalarType dtype,
                     Device device) {
  const c10::DeviceGuard guard(device);
  return at::detail::empty_strided_generic(size, stride, allocator(), kXPUKeys, dtype);
}

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("empty.memory_format", empty_memory_format);
  m.impl("empty_strided", empty_with_strides);
}

}  // namespace xpu_runtime
