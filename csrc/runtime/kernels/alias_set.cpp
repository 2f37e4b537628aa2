#include "runtime/kernels/alias_set.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/TensorImpl.h>

#include "runtime/tensors/alias.h"

namespace xpu_runtime::kernels {
namespace {

at::Tensor shared(c10::TensorImpl* alias) {
  return at::Tensor(c10::intrusive_ptr<c10::TensorImpl>::unsafe_reclaim_from_nonowning(alias));
}

at::Tensor over_same_storage(const c10::TensorImpl& alias, const at::Tensor& tensor) {
  auto result = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(alias.unsafe_storage()),
                                                         c10::DispatchKeySet(c10::DispatchKey::CPU),
                                                         tensor.dtype());
  auto* impl = result.unsafeGetTensorImpl();
  impl->set_storage_offset(tensor.storage_offset());
  impl->set_sizes_and_strides(tensor.sizes(), tensor.strides());
  if (tensor.is_conj()) {
    result._set_conj(true);
  }
  if (tensor.is_neg()) {
    result._set_neg(true);
  }
  return result;
}

// Wrapped numbers are made for the call and never written again.
at::Tensor captured(const at::Tensor& tensor) {
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) {
    return without_python(tensor);
  }
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return tensor.clone();
}

}  // namespace

at::Tensor AliasSet::operator()(const at::Tensor& tensor) {
  if (!tensor.defined()) {
    return tensor;
  }
  if (!tensor.is_xpu()) {
    return captured(tensor);
  }
  auto* original = tensor.unsafeGetTensorImpl();
  const auto* storage = original->unsafe_storage().unsafeGetStorageImpl();
  for (const Entry& entry : entries_) {
    if (entry.original == original) {
      return shared(entry.alias);
    }
    if (entry.original->unsafe_storage().unsafeGetStorageImpl() == storage) {
      return over_same_storage(*entry.alias, tensor);
    }
  }
  auto alias = cpu_alias(tensor);
  entries_.push_back({original, alias.unsafeGetTensorImpl()});
  return alias;
}

}  // namespace xpu_runtime::kernels
