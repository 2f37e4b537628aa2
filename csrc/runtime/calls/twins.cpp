#include "runtime/calls/twins.h"

#include <utility>
#include <vector>

#include "runtime/calls/tensors_of.h"
#include "runtime/tensors/alias.h"

namespace xpu_runtime {

using at::Tensor;

torch::jit::Stack with_twins(c10::ArrayRef<c10::IValue> values,
                             c10::function_ref<Tensor(const Tensor&)> make) {
  std::vector<std::pair<Tensor, Tensor>> known;
  const auto alone = [&](const Tensor& tensor) { return tensor.defined() ? make(tensor) : tensor; };
  const auto twin_of = [&](const Tensor& tensor) {
    if (!tensor.defined() || !tensor.is_xpu()) return alone(tensor);
    for (const auto& [original, twin] : known) {
      if (original.is_same(tensor)) return twin;
      if (original.is_alias_of(tensor))
        return tensor_over(twin.storage(), tensor.storage_offset(), tensor);
    }
    return known.emplace_back(tensor, alone(tensor)).second;
  };
  torch::jit::Stack stack;
  for (const auto& value : values)
    stack.push_back(value.isTensorList() ? with_tensors(value, alone)
                                         : with_tensors(value, twin_of));
  return stack;
}

}  // namespace xpu_runtime
