#include "runtime/tensors/alias.h"

#include <ATen/ops/empty.h>
#include <c10/core/CPUAllocator.h>

namespace xpu_runtime {
namespace {

void release_storage(void* storage) { delete static_cast<c10::Storage*>(storage); }

c10::DataPtr pointer_to(const c10::Storage& storage, Hold hold) {
  auto* data = const_cast<void*>(storage.data());
  if (hold == Hold::no) return {data, c10::kCPU};
  return {data, new c10::Storage(storage), &release_storage, c10::kCPU};
}

}  // namespace

at::Tensor cpu_alias(const at::Tensor& tensor, Hold hold) {
  return tensor.defined() && tensor.is_xpu() ? memory_of(tensor, hold) : tensor;
}

at::Tensor memory_of(const at::Tensor& tensor, Hold hold) {
  const auto& source = tensor.storage();
  // Resizable, with the CPU's allocator: an out= argument that a kernel grows gets memory of its
  // own, which the fallback then takes over.
  c10::Storage storage(c10::Storage::use_byte_size_t(), source.nbytes(), pointer_to(source, hold),
                       c10::GetCPUAllocator(), /*resizable=*/true);
  auto alias = at::detail::make_tensor<c10::TensorImpl>(
      std::move(storage), c10::DispatchKeySet(c10::DispatchKey::CPU), tensor.dtype());
  auto* impl = alias.unsafeGetTensorImpl();
  impl->set_storage_offset(tensor.storage_offset());
  impl->set_sizes_and_strides(tensor.sizes(), tensor.strides());
  if (tensor.is_conj()) alias._set_conj(true);
  if (tensor.is_neg()) alias._set_neg(true);
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) impl->set_wrapped_number(true);
  return alias;
}

at::Tensor without_python(const at::Tensor& tensor) {
  return at::Tensor(tensor.unsafeGetTensorImpl()->shallow_copy_and_detach(
      /*version_counter=*/0, /*allow_tensor_metadata_change=*/false));
}

}  // namespace xpu_runtime
