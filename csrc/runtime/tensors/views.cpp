// Operators that only make another tensor over the same storage; nothing runs on the device.
#include <ATen/core/IListRef.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_as_complex_native.h>
#include <ATen/ops/view_as_real_native.h>
#include <ATen/ops/view_native.h>
#include <torch/library.h>

namespace xpu_runtime {

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("as_strided", at::native::as_strided_tensorimpl);  // refuses what is outside the storage
  m.impl("view", at::native::view);
  m.impl("_reshape_alias", at::native::_reshape_alias);
  m.impl("unfold", at::native::unfold);
  m.impl("view_as_real", at::native::view_as_real);
  m.impl("view_as_complex", at::native::view_as_complex);
}

}  // namespace xpu_runtime
