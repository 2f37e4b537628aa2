#include "runtime/calls/shapes.h"

#include <exception>

#include "runtime/c10_xpu/clean_dispatch.h"
#include "runtime/calls/operators.h"
#include "runtime/tensors/factories.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using torch::jit::Stack;

// A backend without kernels. So for it the dispatcher has the kernel that the code generator made
// for any device: shape function, allocation, and a call of the out= variant.
constexpr c10::DispatchKeySet kAnyDevice{c10::DispatchKey::VE};

std::optional<std::size_t> position_of(const Tensor& tensor, const CallArguments& arguments) {
  for (std::size_t i = 0; i < arguments.tensors().size(); ++i)
    if (arguments.tensors()[i]->is_same(tensor)) return i;
  return {};
}

// The same with the out= arguments in place of new tensors; nothing where those do not fit.
bool put_into(c10::ArrayRef<c10::IValue> given, const CallArguments& arguments, Outcome& outcome) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Tensor& tensor = given[i].toTensor();
    auto& output = outcome.outputs[i];
    if (tensor.sizes() != c10::IntArrayRef(output.layout.sizes) ||
        tensor.scalar_type() != output.type)
      return false;
    output.argument = position_of(tensor, arguments);
    output.layout = Layout(tensor);
  }
  return true;
}

}  // namespace

std::optional<Outcome> shapes_of(const c10::OperatorHandle& op, const CallArguments& arguments) {
  const auto functional = without_outputs(op);
  if (!functional) return {};
  const auto inputs = arguments.values().slice(0, functional->schema().arguments().size());
  Stack stack(inputs.begin(), inputs.end());
  try {
    const CleanDispatch dispatch;
    const WithoutMemory no_memory;
    functional->redispatchBoxed(kAnyDevice, &stack);
  } catch (const std::exception&) {  // the fallback throws it again, in the CPU's words
    return {};
  }
  auto outcome = outcome_of(stack, arguments.tensors());
  const auto given = arguments.values().slice(inputs.size());
  if (!outcome || !put_into(given, arguments, *outcome)) return {};
  return outcome;
}

}  // namespace xpu_runtime
