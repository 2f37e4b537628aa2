#include "runtime/calls/plan.h"

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

}  // namespace

std::optional<Outcome> outcome_of(const torch::jit::Stack& results,
                                  c10::ArrayRef<const Tensor*> arguments) {
  Outcome outcome;
  for (const auto& result : results)
    if (!add(result, arguments, outcome)) return {};
  return outcome;
}

}  // namespace xpu_runtime
