#pragma once

#include <ATen/core/Tensor.h>

namespace xpu_runtime {

/// An uninitialised XPU tensor from the allocator, without a trip through the dispatcher.
[[nodiscard]] at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                                       at::ScalarType dtype, c10::Device device);

}  // namespace xpu_runtime
