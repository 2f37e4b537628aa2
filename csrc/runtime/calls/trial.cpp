#include "runtime/calls/trial.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>

#include <atomic>

#include "runtime/calls/cpu_keys.h"
#include "runtime/calls/tensors_of.h"
#include "runtime/calls/twins.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::OperatorHandle;

std::atomic<std::int64_t> trials{0};
std::atomic<std::int64_t> elements{0};

class Collected final : public c10::WarningHandler {
 public:
  explicit Collected(std::vector<c10::Warning>& warnings) : warnings_(warnings) {}
  void process(const c10::Warning& warning) override { warnings_.push_back(warning); }

 private:
  std::vector<c10::Warning>& warnings_;
};

std::vector<const void*> addresses_of(const std::vector<Tensor>& tensors) {
  std::vector<const void*> result;
  for (const auto& tensor : tensors) result.push_back(tensor.storage().data());
  return result;
}

}  // namespace

TrialCounts trial_counts() noexcept { return {trials.load(), elements.load()}; }

Trial::Trial(const CallArguments& arguments, const Scene& scene) {
  const auto make = [&scene](const Tensor& tensor) { return scene.twin(tensor); };
  stack_ = with_twins(arguments.values(), make);
  for (auto& value : stack_)
    if (value.isIntList()) value = scene.integers(value);
  for (const auto& value : stack_)
    for_each_tensor(value, [&](const Tensor& twin) { twins_.push_back(twin); });
  if (const auto i = arguments.generator_position())
    stack_[*i] = at::detail::createCPUGenerator();  // the caller's draws nothing
  for (const auto& twin : twins_) {
    layouts_.emplace_back(twin);
    elements.fetch_add(twin.numel(), std::memory_order_relaxed);
  }
  trials.fetch_add(1, std::memory_order_relaxed);
}

void Trial::run(const OperatorHandle& op) {
  Collected handler(warnings_);
  const c10::WarningUtils::WarningHandlerGuard guard(&handler);
  op.redispatchBoxed(kCpuKeys, &stack_);
}

std::optional<Outcome> Trial::call(const OperatorHandle& op) {
  run(op);
  return outcome();
}

bool Trial::repeat(const OperatorHandle& op, const Outcome& expected) {
  resize(expected.resized);
  const auto memory = addresses_of(twins_);
  run(op);
  const auto actual = outcome();
  return actual && actual->outputs == expected.outputs && actual->returns == expected.returns &&
         actual->resized.empty() && memory == addresses_of(twins_);
}

bool Trial::fill(const OperatorHandle& out, const Outcome& expected) {
  std::vector<Tensor> outputs;
  for (const auto& each : expected.outputs) {
    outputs.emplace_back(
        at::detail::empty_strided_cpu(each.layout.sizes, each.layout.strides, each.type));
    stack_.emplace_back(outputs.back());
  }
  const auto memory = addresses_of(outputs);
  run(out);
  bool same = memory == addresses_of(outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    same = same && Layout(outputs[i]) == expected.outputs[i].layout;
  return same;
}

void Trial::resize(const std::vector<Outcome::Resized>& resized) {
  for (const auto& each : resized) {
    auto& twin = twins_[each.argument];
    twin.resize_(each.layout.sizes);
    twin.unsafeGetTensorImpl()->set_sizes_and_strides(each.layout.sizes, each.layout.strides);
    layouts_[each.argument] = each.layout;
  }
}

std::optional<Outcome> Trial::outcome() const {
  std::vector<const Tensor*> arguments;
  for (const auto& twin : twins_) arguments.push_back(&twin);
  auto result = outcome_of(stack_, arguments);
  if (!result) return {};
  result->warnings = warnings_;
  for (std::size_t i = 0; i < twins_.size(); ++i)
    if (const Layout now(twins_[i]); now != layouts_[i]) result->resized.push_back({i, now});
  return result;
}

}  // namespace xpu_runtime
