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

/// Puts the fallback before the generic kernels of structured operators that no kernel of ours
/// implements. Those would work too, but answer tensors of different devices with a failed
/// assertion of torch instead of an error about devices.
void register_structured_fallbacks();

/// Number of operators that came this way since the process started.
[[nodiscard]] std::int64_t fallback_count() noexcept;

}  // namespace xpu_runtime
