#include "runtime/tensors/alias.h"

#include <ATen/ops/empty.h>
#include <c10/core/CPUAllocator.h>

namespace xpu_runtime {
namespace {

void release_storage(void* storage) { delete static_cast<c10::Storage*>(storage); }

// Resizable, with the CPU's allocator: an out= argument that a kernel grows gets memory of its own,
// which the fallback then takes over.
c10::Storage cpu_storage(c10::DataPtr data, std::size_t bytes) {
  return {c10::Storage::use_byte_size_t(), bytes, std::move(data), c10::GetCPUAllocator(),
          /*resizable=*/true};
}

}  // namespace

Memory::Memory(const at::Tensor& tensor)
    : data(const_cast<void*>(tensor.storage().data())),
      bytes(tensor.storage().nbytes()),
      offset(tensor.storage_offset()) {}

at::Tensor cpu_alias(const at::Tensor& tensor, Hold hold) {
  return tensor.defined() && tensor.is_xpu() ? memory_of(tensor, hold) : tensor;
}

at::Tensor memory_of(const at::Tensor& tensor, Hold hold) {
  const Memory memory(tensor);
  if (hold == Hold::no) return tensor_over(memory, tensor);
  auto* owner = new c10::Storage(tensor.storage());
  return tensor_over(cpu_storage({memory.data, owner, &release_storage, c10::kCPU}, memory.bytes),
                     memory.offset, tensor);
}

at::Tensor tensor_over(const Memory& memory, const at::Tensor& like) {
  return tensor_over(cpu_storage({memory.data, c10::kCPU}, memory.bytes), memory.offset, like);
}

at::Tensor tensor_over(c10::Storage storage, std::int64_t offset, const at::Tensor& like,
                       c10::DispatchKey key) {
  auto tensor = at::detail::make_tensor<c10::TensorImpl>(std::move(storage),
                                                         c10::DispatchKeySet(key), like.dtype());
  auto* impl = tensor.unsafeGetTensorImpl();
  impl->set_storage_offset(offset);
  impl->set_sizes_and_strides(like.sizes(), like.strides());
  if (like.is_conj()) tensor._set_conj(true);
  if (like.is_neg()) tensor._set_neg(true);
  if (like.unsafeGetTensorImpl()->is_wrapped_number()) impl->set_wrapped_number(true);
  return tensor;
}

at::Tensor without_python(const at::Tensor& tensor) {
  return at::Tensor(tensor.unsafeGetTensorImpl()->shallow_copy_and_detach(
      /*version_counter=*/0, /*allow_tensor_metadata_change=*/false));
}

}  // namespace xpu_runtime
