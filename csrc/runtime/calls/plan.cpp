#include "runtime/calls/plan.h"

#include <utility>

#include "runtime/calls/tensors_of.h"
#include "runtime/tensors/alias.h"

namespace xpu_runtime {
namespace {

using at::Tensor;

std::optional<Outcome::Output> output_of(const Tensor& result,
                                         c10::ArrayRef<const Tensor*> arguments) {
  Outcome::Output output;
  if (!result.defined()) return output;
  if (result.layout() != at::kStrided) return {};
  output.type = result.scalar_type();
  output.layout = Layout(result);
  bool is_view = result.is_conj() || result.is_neg();
  for (std::size_t i = 0; i < arguments.size() && !output.argument; ++i) {
    if (arguments[i]->is_same(result)) output.argument = i;
    is_view = is_view || arguments[i]->is_alias_of(result);
  }
  return output.argument || !is_view ? std::optional(output) : std::nullopt;
}

bool add(const Tensor& result, c10::ArrayRef<const Tensor*> arguments, Outcome& outcome) {
  const auto output = output_of(result, arguments);
  if (output) outcome.outputs.push_back(*output);
  return output.has_value();
}

bool add(const c10::IValue& result, c10::ArrayRef<const Tensor*> arguments, Outcome& outcome) {
  if (result.isTensor()) {
    outcome.returns.emplace_back();
    return add(result.toTensor(), arguments, outcome);
  }
  if (!result.isTensorList()) return false;
  const auto list = result.toListRef();
  outcome.returns.emplace_back(list.size());
  for (const auto& each : list)
    if (!add(each.toTensor(), arguments, outcome)) return false;
  return true;
}

Tensor without_memory(const Outcome::Output& output) {
  auto tensor = at::detail::make_tensor<c10::TensorImpl>(
      c10::Storage(c10::Storage::use_byte_size_t(), 0, c10::DataPtr(nullptr, c10::kCPU)),
      c10::DispatchKeySet(c10::DispatchKey::CPU), c10::scalarTypeToTypeMeta(output.type));
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(output.layout.sizes, output.layout.strides);
  return tensor;
}

}  // namespace

std::optional<Outcome> outcome_of(const torch::jit::Stack& results,
                                  c10::ArrayRef<const Tensor*> arguments) {
  Outcome outcome;
  for (const auto& result : results)
    if (!add(result, arguments, outcome)) return {};
  return outcome;
}

void prepare(Plan& plan, const CallArguments& arguments) {
  const auto values = arguments.values();
  plan.generator = arguments.generator_position();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!is_on_device(values[i])) continue;
    const Tensor& tensor = values[i].toTensor();
    DeviceTensor entry{i, tensor_over(Memory(), tensor)};
    for (const auto& resized : plan.outcome.resized)
      if (arguments.tensors()[resized.argument]->is_same(tensor))
        entry.like.unsafeGetTensorImpl()->set_sizes_and_strides(resized.layout.sizes,
                                                                resized.layout.strides);
    plan.tensors.push_back(std::move(entry));
  }
  for (const auto& output : plan.outcome.outputs)
    plan.results.push_back(output.is_new() ? without_memory(output) : Tensor());
}

}  // namespace xpu_runtime
