#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

#include "runtime/calls/call_arguments.h"
#include "runtime/calls/plan.h"

namespace xpu_runtime {

/// Asks the shape function of a structured operator what a call returns. It compares devices and
/// checks shapes and types; nothing is computed, and no memory is taken.
///
/// Not through the meta device, where Python has kernels for most operators and the first of them
/// imports torch's compiler.
///
/// Returns:
///   Nothing where the shape function refuses the call, or an out= argument needs another shape.
[[nodiscard]] std::optional<Outcome> shapes_of(const c10::OperatorHandle& op,
                                               const CallArguments& arguments);

}  // namespace xpu_runtime
