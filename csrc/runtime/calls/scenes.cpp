#include "runtime/calls/scenes.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ExpandUtils.h>

#include <cstring>

#include "runtime/tensors/alias.h"

namespace xpu_runtime {
using at::Tensor;

Tensor host_tensor(const Layout& layout, at::ScalarType type) {
  return at::detail::empty_strided_generic(layout.sizes, layout.strides,
                                           c10::GetAllocator(c10::kCPU),
                                           c10::DispatchKeySet(c10::DispatchKey::CPU), type);
}

namespace {

constexpr std::int64_t kKept = 4;  // sizes that a likeness leaves as they are: those of kernels

std::size_t bytes_of(const Tensor& tensor, const Layout& layout) {
  return at::detail::computeStorageNbytes(layout.sizes, layout.strides, tensor.itemsize());
}

c10::Storage filled(std::size_t bytes, const Tensor& tensor, int fill) {
  c10::Storage storage(c10::Storage::use_byte_size_t(), bytes, c10::GetAllocator(c10::kCPU),
                       /*resizable=*/true);
  if (bytes == 0) return storage;
  std::memset(storage.mutable_data(), 0, bytes);
  if (fill == 0) return storage;
  const auto all = host_tensor(Layout(), tensor.scalar_type());
  all.set_(storage, 0, {static_cast<std::int64_t>(bytes / tensor.itemsize())}, {1}).fill_(fill);
  return storage;
}

}  // namespace

Filled::Filled(const CallArguments& arguments, int fill)
    : whole_(arguments.has_views_of_each_other()), fill_(fill) {}

Tensor Filled::twin(const Tensor& tensor) const {
  const bool whole = whole_ && tensor.is_xpu();
  const auto bytes = whole ? tensor.storage().nbytes() : bytes_of(tensor, Layout(tensor));
  return tensor_over(filled(bytes, tensor, fill_), whole ? tensor.storage_offset() : 0, tensor);
}

Likeness::Likeness(const CallArguments& arguments, int fill, std::int64_t step) : fill_(fill) {
  for (const auto* tensor : arguments.tensors())
    for (const auto size : tensor->sizes())
      if (size > kKept) small_[size] = 0;
  auto last = kKept;
  for (auto& [size, small] : small_) small = last += step;
}

std::int64_t Likeness::small(std::int64_t size) const {
  const auto found = small_.find(size);
  return found == small_.end() ? size : found->second;
}

Tensor Likeness::twin(const Tensor& tensor) const {
  Layout layout(tensor);
  for (auto& size : layout.sizes) size = small(size);
  const auto strides = at::infer_dense_strides(layout.sizes, layout.strides);
  layout.strides.assign(strides.begin(), strides.end());
  auto twin = tensor_over(filled(bytes_of(tensor, layout), tensor, fill_), 0, tensor);
  twin.unsafeGetTensorImpl()->set_sizes_and_strides(layout.sizes, layout.strides);
  return twin;
}

c10::IValue Likeness::integers(const c10::IValue& list) const {
  auto integers = list.toIntVector();
  for (auto& each : integers) each = small(each);
  return integers;
}

std::optional<std::int64_t> Likeness::original(std::int64_t size) const {
  if (size <= kKept) return size;
  for (const auto& [original, small] : small_)
    if (small == size) return original;
  return {};
}

}  // namespace xpu_runtime
