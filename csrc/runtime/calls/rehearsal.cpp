#include "runtime/calls/rehearsal.h"

#include <ATen/ExpandUtils.h>
#include <ATen/core/LegacyTypeDispatch.h>

#include <exception>
#include <functional>
#include <utility>

#include "runtime/c10_xpu/clean_dispatch.h"
#include "runtime/c10_xpu/kernel_threads.h"
#include "runtime/calls/operators.h"
#include "runtime/calls/scenes.h"
#include "runtime/calls/shapes.h"
#include "runtime/calls/trial.h"

namespace xpu_runtime {
namespace {

using c10::OperatorHandle;

// Up to so many elements, trying a call costs some ten microseconds.
constexpr std::int64_t kSmall = 1 << 16;
// The steps between sizes in two likenesses: a size that matches by chance in one does not match in
// both.
constexpr std::int64_t kStep = 1;
constexpr std::int64_t kOtherStep = 3;

bool is_large(const CallArguments& arguments) {
  std::int64_t elements = 0;
  for (const auto* tensor : arguments.tensors()) elements += tensor->numel();
  return elements > kSmall;
}

/// Trials of one call on the host. Zeros are bad divisors and ones may be bad indices, so a call
/// that throws with one of them is tried with the other.
class Rehearsal {
 public:
  Rehearsal(const OperatorHandle& op, const CallArguments& arguments, std::int64_t step)
      : op_(op), arguments_(arguments), step_(step) {}

  [[nodiscard]] Plan plan() const {
    for (const int fill : {0, 1}) {
      try {
        auto outcome = Trial(arguments_, Scene(arguments_, fill, step_)).call(op_);
        if (!outcome) return {};
        auto how = computation(*outcome);
        return {std::move(*outcome), how};
      } catch (const std::exception&) {  // the fallback throws it again, on the caller's values
      }
    }
    return {};
  }

 private:
  [[nodiscard]] Computation computation(const Outcome& outcome) const {
    const auto same = [&](Trial trial) { return trial.repeat(op_, outcome); };
    // Of an operator by hand, the out= variant may be right for some layouts of its outputs only.
    const auto out = is_structured(op_) ? out_variant(op_) : std::nullopt;
    if (out && agrees([&](Trial trial) { return trial.fill(*out, outcome); }) && agrees(same))
      return {out, /*fills_outputs=*/true, runner_of(out->operator_name())};
    if (!agrees(same)) return {};
    const auto runner = runner_of(op_.operator_name());
    return {op_, runner && outcome.outputs.front().is_new(), runner};
  }

  // With ones if the outcome is from zeros, so that values that change the outcome show here.
  [[nodiscard]] bool agrees(const std::function<bool(Trial)>& trial) const {
    for (const int fill : {1, 0}) {
      try {
        return trial(Trial(arguments_, Scene(arguments_, fill, step_)));
      } catch (const std::exception&) {
      }
    }
    return false;
  }

  const OperatorHandle& op_;
  const CallArguments& arguments_;
  std::int64_t step_;
};

// Whether both have the same outcome, except for sizes.
bool are_alike(const Outcome& one, const Outcome& other) {
  return one.returns == other.returns &&
         std::equal(one.outputs.begin(), one.outputs.end(), other.outputs.begin(),
                    other.outputs.end(),
                    [](const auto& a, const auto& b) { return a.same_source(b); });
}

// The outcome in the sizes of the originals, from likenesses of different sizes; nothing where a
// result has a size that no argument has.
std::optional<Outcome> enlarged(Outcome outcome, const Scene& likeness, const Outcome& other,
                                const Scene& other_likeness) {
  if (!are_alike(outcome, other) || !outcome.resized.empty()) return {};
  for (std::size_t i = 0; i < outcome.outputs.size(); ++i) {
    auto& layout = outcome.outputs[i].layout;
    const auto& sizes = other.outputs[i].layout.sizes;
    if (layout.sizes.size() != sizes.size()) return {};
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      const auto size = likeness.original(layout.sizes[k]);
      if (!size || size != other_likeness.original(sizes[k])) return {};
      layout.sizes[k] = *size;
    }
    const auto strides = at::infer_dense_strides(layout.sizes, layout.strides);
    layout.strides.assign(strides.begin(), strides.end());
  }
  return outcome;
}

std::optional<Outcome> likely_outcome(const OperatorHandle& op, const CallArguments& arguments,
                                      const Outcome& of_likeness) {
  if (is_structured(op)) return shapes_of(op, arguments);
  const Scene one(arguments, 0, kStep);
  const Scene other(arguments, 0, kOtherStep);
  const auto outcome = Trial(arguments, other).call(op);
  if (!outcome) return {};
  return enlarged(of_likeness, one, *outcome, other);
}

// A large call takes as long to try as to make, so a small one that is like it is tried.
std::optional<Plan> rehearse_likeness(const OperatorHandle& op, const CallArguments& arguments) {
  if (arguments.has_views_of_each_other()) return {};
  auto plan = Rehearsal(op, arguments, kStep).plan();
  if (plan.synchronous()) return {};
  try {
    auto outcome = likely_outcome(op, arguments, plan.outcome);
    if (!outcome || !are_alike(plan.outcome, *outcome)) return {};
    outcome->warnings = std::move(plan.outcome.warnings);
    return Plan{std::move(*outcome), plan.how};
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace

Plan rehearse(const OperatorHandle& op, const CallArguments& arguments) {
  const CleanDispatch dispatch;
  const SingleKernelThread threads;
  if (is_large(arguments))
    if (auto plan = rehearse_likeness(op, arguments)) return *std::move(plan);
  return Rehearsal(op, arguments, /*step=*/0).plan();
}

std::optional<Plan> reshape(const OperatorHandle& op, const CallArguments& arguments,
                            const Plan& of_its_kind) {
  auto shapes = shapes_of(op, arguments);
  if (!shapes || !are_alike(of_its_kind.outcome, *shapes)) return {};
  return Plan{std::move(*shapes), of_its_kind.how};
}

}  // namespace xpu_runtime
