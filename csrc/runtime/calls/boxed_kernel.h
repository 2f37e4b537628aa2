#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <cstddef>

namespace xpu_runtime {

/// The one kernel of the device: runs an operator's CPU kernel on the memory of its XPU arguments,
/// as a task of the current stream of their device.
///
/// The plan for the call's signature (rehearsal.h) says what the call returns, before the task has
/// run. A call that cannot be planned runs at once, through the fallback.
void boxed_kernel(const c10::OperatorHandle& op, torch::jit::Stack* stack);

/// Registers the kernel ahead of generic kernels that would come first: those of structured
/// operators, which fail an assertion for tensors of different devices, and those of operators that
/// are one kernel on the CPU but several through the generic one.
void register_boxed_kernel();

/// How many plans are kept, and at most.
struct PlanCounts {
  std::size_t plans;
  std::size_t limit;
};
[[nodiscard]] PlanCounts plan_counts();

}  // namespace xpu_runtime
