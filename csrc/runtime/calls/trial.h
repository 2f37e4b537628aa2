#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/calls/call_arguments.h"
#include "runtime/calls/plan.h"
#include "runtime/calls/scenes.h"

namespace xpu_runtime {

/// How much was tried since the process started.
struct TrialCounts {
  std::int64_t trials;
  std::int64_t elements;  // of the tensors that stood for arguments
};
[[nodiscard]] TrialCounts trial_counts() noexcept;

/// A trial of one call, in a scene. Exceptions of the operator pass through.
class Trial {
 public:
  Trial(const CallArguments& arguments, const Scene& scene);

  /// Makes the call as the caller does.
  ///
  /// Returns:
  ///   The outcome; nothing if a result is neither a new tensor nor an argument, but a view or a
  ///   value.
  [[nodiscard]] std::optional<Outcome> call(const c10::OperatorHandle& op);

  /// Makes the call as a task will: out= arguments have their shapes.
  ///
  /// Returns:
  ///   Whether the outcome is the same, and no tensor gets other memory.
  [[nodiscard]] bool repeat(const c10::OperatorHandle& op, const Outcome& expected);

  /// The same with a variant that fills outputs.
  [[nodiscard]] bool fill(const c10::OperatorHandle& out, const Outcome& expected);

 private:
  void run(const c10::OperatorHandle& op);
  void resize(const std::vector<Outcome::Resized>& resized);
  [[nodiscard]] std::optional<Outcome> outcome() const;

  torch::jit::Stack stack_;
  std::vector<at::Tensor> twins_;  // as CallArguments::tensors()
  std::vector<Layout> layouts_;    // of those, before the call
  std::vector<c10::Warning> warnings_;
};

}  // namespace xpu_runtime
