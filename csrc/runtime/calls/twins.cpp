#include "runtime/calls/twins.h"

#include <c10/core/TensorImpl.h>

#include "runtime/calls/tensors_of.h"
#include "runtime/tensors/alias.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::IValue;

Tensor shared(c10::TensorImpl* twin) {
  return Tensor(c10::intrusive_ptr<c10::TensorImpl>::unsafe_reclaim_from_nonowning(twin));
}

}  // namespace

torch::jit::Stack Twins::of(c10::ArrayRef<IValue> values) {
  torch::jit::Stack stack;
  stack.reserve(values.size() + 2);  // often an output or two follow
  for (const auto& value : values) stack.push_back(of(value));
  return stack;
}

IValue Twins::of(const IValue& value) {
  const bool in_list = value.isTensorList();
  return with_tensors(value,
                      [&](const Tensor& tensor) { return in_list ? alone(tensor) : of(tensor); });
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
      return tensor_over(pair.twin->unsafe_storage(), tensor.storage_offset(), tensor);
  }
  auto twin = alone(tensor);
  pairs_.push_back({original, twin.unsafeGetTensorImpl()});
  return twin;
}

}  // namespace xpu_runtime
