#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <cstdint>

#include "runtime/calls/call_arguments.h"

namespace xpu_runtime {

/// Runs an operator's CPU kernel on the memory of its XPU arguments, without copying it.
///
/// Synchronises the current stream of the arguments' device, then runs at once on this thread.
/// Results become XPU tensors: views of arguments stay views, resized out= arguments are taken
/// over, `Generator? = None` is the XPU default generator.
///
/// Args:
///   arguments: those at the end of the stack.
void cpu_fallback(const c10::OperatorHandle& op, const CallArguments& arguments,
                  torch::jit::Stack* stack);

/// How many operators took this way since the process started.
[[nodiscard]] std::int64_t fallback_count() noexcept;

}  // namespace xpu_runtime
