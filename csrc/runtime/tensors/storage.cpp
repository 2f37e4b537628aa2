// Operators that change which memory a tensor shows: resize_ and set_.
#include "runtime/tensors/storage.h"

#include <ATen/native/Resize.h>
#include <ATen/ops/set_native.h>
#include <c10/core/DeviceGuard.h>
#include <c10/xpu/XPUCachingAllocator.h>
#include <torch/library.h>

#include <cstring>
#include <utility>

#include "runtime/c10_xpu/task_queue.h"

namespace xpu_runtime {
namespace {

using at::Tensor;

void fit_storage(const Tensor& tensor) {
  if (tensor.numel() == 0) return;
  const auto bytes = at::detail::computeStorageNbytes(tensor.sizes(), tensor.strides(),
                                                      tensor.itemsize(), tensor.storage_offset());
  const c10::DeviceGuard guard(tensor.device());
  grow_storage(*tensor.storage().unsafeGetStorageImpl(), bytes, Contents::keep);
}

// A tensor that could not get its memory keeps what it shows, or a kernel would run over the end.
template <class Change>
void change_shape(const Tensor& tensor, const Change& change) {
  auto* impl = tensor.unsafeGetTensorImpl();
  const auto before = impl->shallow_copy_and_detach(c10::VariableVersion(), true);
  try {
    change(*impl);
    fit_storage(tensor);
  } catch (...) {
    impl->set_storage_keep_dtype(before->storage());
    impl->set_storage_offset(before->storage_offset());
    impl->set_sizes_and_strides(before->sizes(), before->strides());
    throw;
  }
}

const Tensor& resize_(const Tensor& self, at::IntArrayRef size,
                      std::optional<at::MemoryFormat> memory_format) {
  change_shape(self, [&](c10::TensorImpl& impl) {
    if (self.sizes() != size) impl.set_sizes_contiguous(size);
    if (!memory_format) return;
    TORCH_CHECK(*memory_format != at::MemoryFormat::Preserve, "Unsupported memory format ",
                *memory_format, " in resize_.");
    impl.empty_tensor_restride(*memory_format);
  });
  return self;
}

Tensor& set_storage_offset(Tensor& self, c10::Storage source, std::int64_t offset,
                           at::IntArrayRef size, at::IntArrayRef stride) {
  change_shape(self, [&](c10::TensorImpl& impl) {
    at::native::checkSetStorage(self, std::move(source), offset, size, stride);
    impl.set_storage_offset(offset);
    if (stride.data())
      impl.set_sizes_and_strides(size, stride);
    else
      impl.set_sizes_contiguous(size);
  });
  return self;
}

Tensor& set_nothing(Tensor& self) {
  const c10::DeviceGuard guard(self.device());
  c10::Storage empty(c10::Storage::use_byte_size_t(), 0, c10::xpu::XPUCachingAllocator::get(),
                     /*resizable=*/true);
  return set_storage_offset(self, std::move(empty), 0, {0}, {});
}

}  // namespace

void grow_storage(c10::StorageImpl& storage, std::size_t bytes, Contents contents) {
  const auto old_bytes = storage.nbytes();
  if (old_bytes >= bytes) return;
  TORCH_CHECK(storage.resizable(), "Trying to resize storage that is not resizable, from ",
              old_bytes, " to ", bytes, " bytes.");
  auto memory = c10::xpu::XPUCachingAllocator::get()->allocate(bytes);
  const auto stream = c10::xpu::getCurrentXPUStream();
  if (contents == Contents::keep && old_bytes != 0) {
    enqueue(
        stream, "resize_",
        [to = memory.get(), from = storage.data(), old_bytes] { std::memcpy(to, from, old_bytes); },
        order_log::accesses_of_bytes(memory.get(), storage.data(), old_bytes));
  }
  // The old memory may belong to another stream than the one that still copies from it.
  c10::xpu::XPUCachingAllocator::recordStream(storage.data_ptr(), stream);
  storage.set_data_ptr_noswap(std::move(memory));
  storage.set_nbytes(bytes);
}

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("resize_", resize_);
  m.impl("set_.source_Storage", TORCH_FN((Tensor & (*)(Tensor&, c10::Storage)) at::native::set_));
  m.impl("set_.source_Storage_storage_offset", set_storage_offset);
  m.impl("set_.source_Tensor", at::native::set_tensor_);
  m.impl("set_", set_nothing);
}

}  // namespace xpu_runtime
