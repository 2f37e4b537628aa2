#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/stack.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/FunctionRef.h>
#include <c10/util/SmallVector.h>

namespace xpu_runtime {

/// Replaces the tensors of a call by others: aliases for the task, zeros for a rehearsal, or
/// tensors without memory for a shape function.
///
/// Arguments that are one tensor, or share memory, do so as twins too: CPU kernels look at that to
/// find out about in-place operation and overlap. Only the tensors of a list do not.
class Twins {
 public:
  /// Makes a twin with separate memory.
  using Make = c10::function_ref<at::Tensor(const at::Tensor&)>;

  explicit Twins(Make make) : make_(make) {}

  /// The arguments with twins in place of tensors.
  [[nodiscard]] torch::jit::Stack of(c10::ArrayRef<c10::IValue> values);
  [[nodiscard]] at::Tensor of(const at::Tensor& tensor);

 private:
  [[nodiscard]] c10::IValue of(const c10::IValue& value);
  [[nodiscard]] at::Tensor alone(const at::Tensor& tensor) const;

  // Raw pointers: the caller keeps originals and twins alive while it uses the object.
  struct Pair {
    const c10::TensorImpl* original;
    c10::TensorImpl* twin;
  };
  Make make_;
  c10::SmallVector<Pair, 8> pairs_;
};

}  // namespace xpu_runtime
