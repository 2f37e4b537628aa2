#pragma once

#include <ATen/core/Tensor.h>

namespace xpu_runtime {

/// An uninitialised XPU tensor from the allocator, without a trip through the dispatcher.
[[nodiscard]] at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                                       at::ScalarType dtype, c10::Device device);

/// A scope in which this thread makes XPU tensors without memory: somebody asks for their shapes.
class WithoutMemory {
 public:
  WithoutMemory() noexcept;
  ~WithoutMemory();
  C10_DISABLE_COPY_AND_ASSIGN(WithoutMemory);

  [[nodiscard]] static bool here() noexcept;
};

}  // namespace xpu_runtime
