#include "runtime/calls/scenes.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ExpandUtils.h>

#include <cstring>

#include "runtime/tensors/alias.h"

namespace xpu_runtime {
using at::Tensor;

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
  const Tensor all = at::detail::empty_cpu({0}, tensor.scalar_type());
  all.set_(storage, 0, {static_cast<std::int64_t>(bytes / tensor.itemsize())}, {1}).fill_(fill);
  return storage;
}

}  // namespace

Scene::Scene(const CallArguments& arguments, int fill, std::int64_t step)
    : whole_(arguments.has_views_of_each_other()), fill_(fill) {
  if (step == 0) return;
  for (const auto* tensor : arguments.tensors())
    for (const auto size : tensor->sizes())
      if (size > kKept) small_[size] = 0;
  auto last = kKept;
  for (auto& [size, small] : small_) small = last += step;
}

std::int64_t Scene::small(std::int64_t size) const {
  const auto found = small_.find(size);
  return found == small_.end() ? size : found->second;
}

Tensor Scene::twin(const Tensor& tensor) const {
  if (whole_ && tensor.is_xpu())
    return tensor_over(filled(tensor.storage().nbytes(), tensor, fill_), tensor.storage_offset(),
                       tensor);
  Layout layout(tensor);
  if (!small_.empty()) {
    for (auto& size : layout.sizes) size = small(size);
    const auto strides = at::infer_dense_strides(layout.sizes, layout.strides);
    layout.strides.assign(strides.begin(), strides.end());
  }
  auto twin = tensor_over(filled(bytes_of(tensor, layout), tensor, fill_), 0, tensor);
  twin.unsafeGetTensorImpl()->set_sizes_and_strides(layout.sizes, layout.strides);
  return twin;
}

c10::IValue Scene::integers(const c10::IValue& list) const {
  auto integers = list.toIntVector();
  for (auto& each : integers) each = small(each);
  return integers;
}

std::optional<std::int64_t> Scene::original(std::int64_t size) const {
  if (size <= kKept) return size;
  for (const auto& [original, small] : small_)
    if (small == size) return original;
  return {};
}

}  // namespace xpu_runtime
