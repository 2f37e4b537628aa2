#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange_ops.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linspace_ops.h>
#include <ATen/ops/logspace_ops.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <tuple>
#include <utility>

#include "runtime/c10_xpu/task_queue.h"
#include "runtime/calls/cpu_keys.h"
#include "runtime/tensors/accesses.h"
#include "runtime/tensors/alias.h"

// Sequences: no argument lives on the device, so they are computed at once and copied by the
// stream. Errors are the CPU's own.
namespace xpu_runtime {
namespace {

template <class Op, class Schema = typename Op::schema>
struct Sequence;
template <class Op, class... Parameters>
struct Sequence<Op, at::Tensor&(Parameters...)> {
  static at::Tensor& call(Parameters... parameters) {
    return run(std::forward_as_tuple(parameters...),
               std::make_index_sequence<sizeof...(Parameters) - 1>());
  }

 private:
  template <class All, std::size_t... in>
  static at::Tensor& run(const All& all, std::index_sequence<in...> /*in*/) {
    at::Tensor& output = std::get<sizeof...(in)>(all);
    const c10::DeviceGuard guard(output.device());
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    auto host = at::empty(output.sizes(), output.options().device(at::kCPU));
    Op::redispatch(kCpuKeys, std::get<in>(all)..., host);
    if (output.sizes() != host.sizes()) {
      output.resize_(host.sizes());
    }
    enqueue(
        Op::name, [host, alias = cpu_alias(output)] { alias.copy_(host); },
        order_log::accesses_of_copy(output, host));
    return output;
  }
};

}  // namespace

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("arange.start_out", &Sequence<at::_ops::arange_start_out>::call);
  m.impl("linspace.out", &Sequence<at::_ops::linspace_out>::call);
  m.impl("logspace.out", &Sequence<at::_ops::logspace_out>::call);
}

}  // namespace xpu_runtime
