#pragma once

#include <ATen/core/boxing/KernelFunction.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

namespace xpu_runtime {

/// Runs an operator's CPU kernel on the memory of its XPU arguments, without copying it.
///
/// Synchronises the current stream of the arguments' device, then runs at once on this thread.
/// Results become XPU tensors: views of arguments stay views, resized out= arguments are taken
/// over, `Generator? = None` is the XPU default generator.
void cpu_fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack);

/// How many operators took this way since the process started.
[[nodiscard]] std::int64_t fallback_count() noexcept;

}  // namespace xpu_runtime
