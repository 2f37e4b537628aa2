#include "runtime/calls/twins.h"

#include <ATen/core/List.h>
#include <c10/core/TensorImpl.h>

#include <utility>

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::IValue;

Tensor shared(c10::TensorImpl* twin) {
  return Tensor(c10::intrusive_ptr<c10::TensorImpl>::unsafe_reclaim_from_nonowning(twin));
}

Tensor over_memory_of(const c10::TensorImpl& twin, const Tensor& tensor) {
  auto result = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(twin.unsafe_storage()),
                                                         twin.key_set(), tensor.dtype());
  auto* impl = result.unsafeGetTensorImpl();
  impl->set_storage_offset(tensor.storage_offset());
  impl->set_sizes_and_strides(tensor.sizes(), tensor.strides());
  if (tensor.is_conj()) result._set_conj(true);
  if (tensor.is_neg()) result._set_neg(true);
  return result;
}

}  // namespace

torch::jit::Stack Twins::of(c10::ArrayRef<IValue> values) {
  torch::jit::Stack stack;
  stack.reserve(values.size() + 2);  // often an output or two follow
  for (const auto& value : values) stack.push_back(of(value));
  return stack;
}

IValue Twins::of(const IValue& value) {
  if (value.isTensor()) return of(value.toTensor());
  if (value.isTensorList()) {
    c10::List<Tensor> list;
    list.reserve(value.toListRef().size());
    for (const auto& each : value.toListRef()) list.push_back(alone(each.toTensor()));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<Tensor>> list;
    list.reserve(value.toListRef().size());
    for (const auto& each : value.toListRef())
      list.push_back(each.isTensor() ? std::optional(of(each.toTensor())) : std::nullopt);
    return list;
  }
  return value;
}

Tensor Twins::alone(const Tensor& tensor) const {
  return tensor.defined() ? make_(tensor) : tensor;
}

Tensor Twins::of(const Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_xpu()) return alone(tensor);
  const auto* original = tensor.unsafeGetTensorImpl();
  const auto* storage = original->unsafe_storage().unsafeGetStorageImpl();
  for (const auto& pair : pairs_) {
    if (pair.original == original) return shared(pair.twin);
    if (pair.original->unsafe_storage().unsafeGetStorageImpl() == storage)
      return over_memory_of(*pair.twin, tensor);
  }
  auto twin = alone(tensor);
  pairs_.push_back({original, twin.unsafeGetTensorImpl()});
  return twin;
}

}  // namespace xpu_runtime
