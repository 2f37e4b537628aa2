#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>

namespace xpu_runtime::kernels {

/// Makes the CPU tensors that one task works on.
///
/// Arguments that are the same tensor, or share memory, keep doing so as aliases: CPU kernels look
/// at that to find out about in-place operation and overlap. The aliases do not own XPU memory,
/// which is stream-ordered; a CPU tensor is copied, because its owner may change it before the
/// task runs.
class AliasSet {
 public:
  [[nodiscard]] at::Tensor operator()(const at::Tensor& tensor);

 private:
  // Raw pointers: the caller keeps originals and aliases alive while the set is in use.
  struct Entry {
    const c10::TensorImpl* original;
    c10::TensorImpl* alias;
  };
  c10::SmallVector<Entry, 8> entries_;
};

}  // namespace xpu_runtime::kernels
