#include "runtime/calls/boxed_kernel.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/DeviceGuard.h>
#include <c10/xpu/XPUFunctions.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "runtime/c10_xpu/task_queue.h"
#include "runtime/calls/call_arguments.h"
#include "runtime/calls/call_task.h"
#include "runtime/calls/cpu_keys.h"
#include "runtime/calls/fallback.h"
#include "runtime/calls/operators.h"
#include "runtime/calls/plan_cache.h"
#include "runtime/calls/rehearsal.h"
#include "runtime/tensors/factories.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::DispatchKey;
using c10::OperatorHandle;
using torch::jit::Stack;

using Tensors = c10::SmallVector<Tensor, 4>;

constexpr std::size_t kPlans = 8192;  // of about a kilobyte each

// The second has one plan for all sizes of a structured operator. Neither is destroyed.
PlanCache& plans = *new PlanCache(kPlans);
PlanCache& kinds = *new PlanCache(kPlans / 4);

// ---- planning

Plan plan_of_kind(const OperatorHandle& op, const CallArguments& arguments) {
  const CallArguments kind(op, arguments.values(), CallArguments::Detail::kind);
  if (const auto known = kinds.find(kind.signature()))
    if (auto plan = reshape(op, arguments, *known)) return *std::move(plan);
  auto plan = rehearse(op, arguments);
  if (!plan.synchronous()) kinds.keep(kind.signature(), std::make_shared<const Plan>(plan));
  return plan;
}

Plan new_plan(const OperatorHandle& op, const CallArguments& arguments) {
  if (reason_to_wait(op, arguments)) return {};
  auto plan = is_structured(op) ? plan_of_kind(op, arguments) : rehearse(op, arguments);
  if (!plan.synchronous()) prepare(plan, arguments);
  return plan;
}

std::shared_ptr<const Plan> plan_for(const OperatorHandle& op, const CallArguments& arguments) {
  if (auto plan = plans.find(arguments.signature())) return plan;
  auto plan = std::make_shared<const Plan>(new_plan(op, arguments));
  plans.keep(arguments.signature(), plan);
  return plan;
}

// ---- the call

void resize(const Outcome& outcome, const CallArguments& arguments) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  for (const auto& each : outcome.resized) {
    const Tensor& tensor = *arguments.tensors()[each.argument];
    tensor.resize_(each.layout.sizes);
    tensor.unsafeGetTensorImpl()->set_sizes_and_strides(each.layout.sizes, each.layout.strides);
  }
}

Tensors results_of(const Outcome& outcome, const CallArguments& arguments) {
  Tensors results;
  results.reserve(outcome.outputs.size());
  for (const auto& each : outcome.outputs) {
    if (each.argument)
      results.push_back(*arguments.tensors()[*each.argument]);
    else if (each.is_new())
      results.push_back(
          empty_strided(each.layout.sizes, each.layout.strides, each.type, arguments.device()));
    else
      results.emplace_back();
  }
  return results;
}

void push_results(const Outcome& outcome, Tensors results, Stack* stack) {
  auto* next = results.begin();
  for (const auto& count : outcome.returns) {
    if (!count) {
      stack->emplace_back(std::move(*next++));
      continue;
    }
    c10::List<Tensor> list;
    list.reserve(*count);
    for (std::size_t i = 0; i < *count; ++i) list.push_back(std::move(*next++));
    stack->emplace_back(std::move(list));
  }
}

void call_at_once(const OperatorHandle& op, const CallArguments& arguments, Stack* stack) {
  if (is_composite(op))
    op.redispatchBoxed(kCpuKeys, stack);  // in terms of operators that may be planned
  else
    cpu_fallback(op, arguments, stack);
}

// In a scope that only asks for shapes, the outputs exist and there is nothing to compute.
void return_outputs(const OperatorHandle& op, Stack* stack) {
  const auto& schema = op.schema();
  const auto returns = static_cast<std::ptrdiff_t>(schema.returns().size());
  TORCH_INTERNAL_ASSERT(!schema.arguments().empty() && schema.arguments().back().is_out(),
                        "a shape function calls ", schema.name());
  const Stack outputs(stack->end() - returns, stack->end());
  torch::jit::drop(*stack, schema.arguments().size());
  stack->insert(stack->end(), outputs.begin(), outputs.end());
}

// ---- registration

// Operators of one kernel on the CPU, which the generic kernel reaches through an out= variant.
constexpr std::array<std::string_view, 12> kOneKernel{
    "aten::abs",          "aten::abs_",        "aten::huber_loss_backward", "aten::logical_and",
    "aten::logical_and_", "aten::logical_not", "aten::logical_not_",        "aten::logical_or",
    "aten::logical_or_",  "aten::nan_to_num",  "aten::nan_to_num_",         "aten::mode"};

bool needs_registration(const OperatorHandle& op) {
  const auto& name = op.schema().name();
  if (op.hasKernelForDispatchKey(DispatchKey::XPU)) return false;
  if (op.hasKernelForDispatchKey(DispatchKey::CPU))
    return op.hasKernelForDispatchKey(DispatchKey::CompositeExplicitAutogradNonFunctional) ||
           op.hasKernelForDispatchKey(DispatchKey::CompositeExplicitAutograd);
  return name.starts_with("aten::_foreach_") ||
         std::find(kOneKernel.begin(), kOneKernel.end(), name) != kOneKernel.end();
}

}  // namespace

void boxed_kernel(const OperatorHandle& op, Stack* stack) {
  const auto count = op.schema().arguments().size();
  if (WithoutMemory::here()) [[unlikely]]
    return return_outputs(op, stack);
  const CallArguments arguments(op, torch::jit::last(*stack, count));
  const auto plan = arguments.can_be_planned() ? plan_for(op, arguments) : nullptr;
  if (!plan || plan->synchronous()) return call_at_once(op, arguments, stack);
  c10::OptionalDeviceGuard guard;
  if (arguments.device().index() != c10::xpu::current_device())
    guard.reset_device(arguments.device());
  for (const auto& warning : plan->outcome.warnings) c10::warn(warning);
  resize(plan->outcome, arguments);
  auto results = results_of(plan->outcome, arguments);
  submit(c10::xpu::getCurrentXPUStream(),
         std::make_unique<CallTask>(op.schema().name().c_str(), plan, arguments, results));
  torch::jit::drop(*stack, count);
  push_results(plan->outcome, std::move(results), stack);
}

PlanCounts plan_counts() { return {plans.size(), kPlans}; }

void register_boxed_kernel() {
  // Lives as long as the registrations should.
  static auto* library =
      new torch::Library(torch::Library::IMPL, "aten", DispatchKey::XPU, __FILE__, __LINE__);
  auto& dispatcher = c10::Dispatcher::singleton();
  for (const auto& name : dispatcher.getAllOpNames()) {
    if (!name.name.starts_with("aten::")) continue;
    const auto op = dispatcher.findSchema(name);
    if (op && needs_registration(*op))
      library->impl(c10::toString(name).c_str(),
                    torch::CppFunction::makeFromBoxedFunction<&boxed_kernel>());
  }
}

TORCH_LIBRARY_IMPL(_, XPU, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&boxed_kernel>());
}

}  // namespace xpu_runtime
