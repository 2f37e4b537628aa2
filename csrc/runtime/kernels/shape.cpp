#include "runtime/kernels/shape.h"

#include <ATen/EmptyTensor.h>
#include <ATen/native/Resize.h>
#include <c10/core/Allocator.h>
#include <c10/util/Exception.h>

namespace xpu_runtime::kernels {

at::Tensor allocate(at::IntArrayRef sizes, at::IntArrayRef strides,
                    const at::TensorOptions& options) {
  const c10::DispatchKeySet keys(c10::DispatchKey::XPU);
  const auto type = c10::typeMetaToScalarType(options.dtype());
  auto* allocator = c10::GetAllocator(c10::kXPU);
  if (strides.empty()) {
    return at::detail::empty_generic(sizes, allocator, keys, type, options.memory_format_opt());
  }
  return at::detail::empty_strided_generic(sizes, strides, allocator, keys, type);
}

void check_in_place(const at::Tensor& self, at::IntArrayRef sizes,
                    const at::TensorOptions& options) {
  TORCH_CHECK(options.dtype() == self.dtype(), "Bad in-place call: input tensor dtype ",
              self.dtype(), " and output tensor dtype ", options.dtype(), " should match");
  TORCH_CHECK(options.device() == self.device(), "Bad in-place call: input tensor device ",
              self.device(), " and output tensor device ", options.device(), " should match");
  TORCH_CHECK(sizes == self.sizes(), "Bad in-place call: input tensor size ", self.sizes(),
              " and output tensor size ", sizes, " should match");
}

void resize_out(const at::Tensor& out, at::IntArrayRef sizes, at::IntArrayRef strides,
                const at::TensorOptions& options) {
  TORCH_CHECK(options.dtype() == out.dtype(), "Expected out tensor to have dtype ", options.dtype(),
              ", but got ", out.dtype(), " instead");
  TORCH_CHECK(options.device() == out.device(), "Expected out tensor to have device ",
              options.device(), ", but got ", out.device(), " instead");
  if (!at::native::resize_output(out, sizes)) {
    return;
  }
  // The strides are a hint: they hold only where the tensor had to be laid out anew.
  auto* impl = out.unsafeGetTensorImpl();
  if (!strides.empty()) {
    impl->set_sizes_and_strides(sizes, strides);
  } else if (options.memory_format_opt().has_value()) {
    impl->empty_tensor_restride(*options.memory_format_opt());
  }
}

}  // namespace xpu_runtime::kernels
