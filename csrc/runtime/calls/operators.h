#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

#include "runtime/calls/call_arguments.h"

/// What the dispatcher and the schema tell about an operator.
namespace xpu_runtime {

/// Whether `op` is made of other operators for every device, so that it also works on XPU tensors.
[[nodiscard]] bool is_composite(const c10::OperatorHandle& op);

/// Whether ATen's code generator made the operator from one shape function, which all devices
/// share.
[[nodiscard]] bool is_structured(const c10::OperatorHandle& op);

/// The variant of `op` that writes to given outputs with a CPU kernel, if there is one.
[[nodiscard]] std::optional<c10::OperatorHandle> out_variant(const c10::OperatorHandle& op);

/// `op` itself, or of a variant that writes to given outputs the one that makes new tensors.
[[nodiscard]] std::optional<c10::OperatorHandle> without_outputs(const c10::OperatorHandle& op);

/// Why a call cannot be planned by its signature; null if it can be.
[[nodiscard]] const char* reason_to_wait(const c10::OperatorHandle& op,
                                         const CallArguments& arguments);

}  // namespace xpu_runtime
