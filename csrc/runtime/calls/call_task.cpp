#include "runtime/calls/call_task.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/clone.h>

#include <utility>

#include "runtime/calls/cpu_keys.h"
#include "runtime/calls/seed.h"
#include "runtime/calls/tensors_of.h"
#include "runtime/tensors/accesses.h"
#include "runtime/tensors/alias.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::IValue;
using torch::jit::Stack;

class Unheard final : public c10::WarningHandler {
 public:
  void process(const c10::Warning& /*warning*/) override {}
};

// Copies a CPU number, because its owner may change it before the task runs. A wrapped number is
// made for the call and stays.
Tensor for_a_task(const Tensor& tensor) {
  if (!tensor.defined() || tensor.is_xpu()) return cpu_alias(tensor);
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) return without_python(tensor);
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return tensor.clone();
}

order_log::Accesses accesses_of(const CallArguments& arguments, const Plan& plan,
                                c10::ArrayRef<Tensor> results) {
  if (!order_log::enabled()) [[likely]]
    return {};
  auto accesses = arguments.accesses();
  for (std::size_t i = 0; i < results.size(); ++i)
    if (plan.outcome.outputs[i].is_new())
      order_log::add_access(accesses, results[i], /*is_write=*/true);
  return accesses;
}

}  // namespace

CallTask::CallTask(const char* name, std::shared_ptr<const Plan> plan,
                   const CallArguments& arguments, c10::ArrayRef<Tensor> results)
    : Task(name, accesses_of(arguments, *plan, results)), plan_(std::move(plan)) {
  for (const auto& value : arguments.values()) {
    if (is_on_device(value)) memory_.emplace_back(value.toTensor());
    values_.push_back(is_on_device(value) ? IValue() : with_tensors(value, &for_a_task));
  }
  for (std::size_t i = 0; i < results.size(); ++i)
    if (plan_->outcome.outputs[i].is_new()) memory_.emplace_back(results[i]);
  if (const auto i = arguments.generator_position())
    seed_ = draw_seed(std::exchange(values_[*i], IValue()).toOptional<at::Generator>(),
                      arguments.device());
}

void CallTask::run() {
  Unheard handler;  // the call has warned
  const c10::WarningUtils::WarningHandlerGuard guard(&handler);
  const auto& how = plan_->how;
  auto work = arguments();
  const auto results = outputs();
  if (how.fills_outputs) work.insert(work.end(), results.begin(), results.end());
  if (how.runner) return how.runner(work);
  how.op->redispatchBoxed(kCpuKeys, &work);
  if (!how.fills_outputs) deliver(work, results);
}

Stack CallTask::arguments() {
  Stack work;
  work.reserve(values_.size() + plan_->results.size());
  for (auto& value : values_) work.push_back(std::move(value));
  for (std::size_t i = 0; i < plan_->tensors.size(); ++i)
    work[plan_->tensors[i].position] = tensor_over(memory_[i], plan_->tensors[i].like);
  if (seed_) work[*plan_->generator] = generator_from(*seed_);
  return work;
}

CallTask::Tensors CallTask::outputs() const {
  Tensors made;
  const auto* memory = memory_.begin() + plan_->tensors.size();
  for (const auto& like : plan_->results)
    made.push_back(like.defined() ? tensor_over(*memory++, like) : like);
  return made;
}

// Copies results to where the caller expects them, unless the kernel wrote there.
void CallTask::deliver(const Stack& results, const Tensors& outputs) const {
  const auto* output = outputs.begin();
  const auto copy = [&](const IValue& result) {
    const Tensor& to = *output++;
    if (!to.defined()) return;
    TORCH_INTERNAL_ASSERT(result.toTensor().sizes() == to.sizes(), name(),
                          ": the CPU kernel returned sizes ", result.toTensor().sizes(),
                          ", but for arguments like these it returned ", to.sizes(),
                          " before. Please report this.");
    to.copy_(result.toTensor());
  };
  for (const auto& result : results) {
    if (result.isTensor())
      copy(result);
    else
      for (const auto& each : result.toListRef()) copy(each);
  }
}

}  // namespace xpu_runtime
