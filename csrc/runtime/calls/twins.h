#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/stack.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/FunctionRef.h>

namespace xpu_runtime {

/// The arguments of a call with a twin, `make(tensor)`, in place of each defined tensor.
///
/// Arguments that are one tensor, or share memory, do so as twins too: CPU kernels look at that to
/// find out about in-place operation and overlap. Only the tensors of a list do not.
[[nodiscard]] torch::jit::Stack with_twins(c10::ArrayRef<c10::IValue> values,
                                           c10::function_ref<at::Tensor(const at::Tensor&)> make);

}  // namespace xpu_runtime
