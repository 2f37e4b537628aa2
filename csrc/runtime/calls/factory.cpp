#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include "runtime/c10_xpu/task_queue.h"
#include "runtime/calls/cpu_keys.h"
#include "runtime/tensors/accesses.h"
#include "runtime/tensors/alias.h"

// Sequences: no argument lives on the device, so they are computed at once and copied by the
// stream. Errors are the CPU's own.
namespace xpu_runtime {
namespace {

void sequence(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const at::Tensor output = stack->back().toTensor();
  const c10::DeviceGuard guard(output.device());
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  const auto host = at::empty(output.sizes(), output.options().device(at::kCPU));
  stack->back() = host;
  op.redispatchBoxed(kCpuKeys, stack);
  if (output.sizes() != host.sizes()) output.resize_(host.sizes());
  enqueue(
      c10::xpu::getCurrentXPUStream(), op.schema().name().c_str(),
      [host, alias = cpu_alias(output)] { alias.copy_(host); },
      order_log::accesses_of_copy(output, host));
  stack->back() = output;
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  for (const auto* name : {"arange.start_out", "linspace.out", "logspace.out"})
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&sequence>());
}

}  // namespace xpu_runtime
