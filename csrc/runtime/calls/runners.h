#pragma once

#include <ATen/core/operator_name.h>
#include <ATen/core/stack.h>

/// Computations that take the place of a CPU kernel: large products, in parts (split.h).
namespace xpu_runtime {

/// The stack holds the arguments of the CPU operator, and then the output that it is to fill.
using Runner = void (*)(torch::jit::Stack& arguments);

/// The runner that replaces the kernel of the named CPU operator; null if there is none.
[[nodiscard]] Runner runner_of(const c10::OperatorName& name);

void run_convolution(torch::jit::Stack& arguments);

}  // namespace xpu_runtime
