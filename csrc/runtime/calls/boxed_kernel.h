#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <cstddef>

namespace xpu_runtime {

/// The one kernel of the device: runs an operator's CPU kernel on the memory of its XPU arguments,
/// as a task of the current stream of their device.
///
/// What the call returns is known before the task has run, from the plan for its signature
/// (rehearsal.h). A call that cannot be planned runs at once, by way of the fallback.
void boxed_kernel(const c10::OperatorHandle& op, torch::jit::Stack* stack);

/// Puts the kernel before generic kernels that would take its place: those of structured operators,
/// which answer tensors of different devices with a failed assertion, and those of operators that
/// are one kernel on the CPU, and several by way of the generic one.
void register_boxed_kernel();

/// How many plans are kept, and at most.
struct PlanCounts {
  std::size_t plans;
  std::size_t limit;
};
[[nodiscard]] PlanCounts plan_counts();

}  // namespace xpu_runtime
