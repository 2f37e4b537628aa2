#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

#include "runtime/calls/call_arguments.h"
#include "runtime/calls/plan.h"

namespace xpu_runtime {

/// Finds out what a call returns, by running the CPU operator on zeros in the layout of the
/// arguments, and how a task can compute it later.
///
/// Small calls are tried as they are, twice: as the caller makes them, and as the task will. Of a
/// large call a small likeness is tried; the sizes of results come from the shape function, or from
/// comparing likenesses of different sizes. Touches no memory of the device, no generator and no
/// autograd. Does not throw what the operator throws: such a call is left to the fallback, which
/// throws again.
///
/// Args:
///   op: the operator, which has a CPU kernel.
///   arguments: of the call; can_be_planned().
[[nodiscard]] Plan rehearse(const c10::OperatorHandle& op, const CallArguments& arguments);

/// The same for a call of a kind that was rehearsed before with other sizes, for an operator with
/// one shape function for all devices: only that is asked.
///
/// Returns:
///   Nothing if the shape function refuses the call, or its outcome is of another kind.
[[nodiscard]] std::optional<Plan> reshape(const c10::OperatorHandle& op,
                                          const CallArguments& arguments, const Plan& of_its_kind);

}  // namespace xpu_runtime
