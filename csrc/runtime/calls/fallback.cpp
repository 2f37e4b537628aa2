#include "runtime/calls/fallback.h"

#include <c10/core/DeviceGuard.h>
#include <c10/xpu/XPUStream.h>

#include <atomic>

#include "runtime/c10_xpu/clean_dispatch.h"
#include "runtime/c10_xpu/task_queue.h"
#include "runtime/c10_xpu/trace.h"
#include "runtime/calls/fallback_arguments.h"
#include "runtime/tensors/accesses.h"

namespace xpu_runtime {
namespace {

std::atomic<std::int64_t> calls{0};

void call_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const CleanDispatch dispatch;
  TORCH_CHECK_NOT_IMPLEMENTED(
      op.hasKernelForDispatchKey(c10::DispatchKey::CPU) ||
          op.hasKernelForDispatchKey(c10::DispatchKey::CompositeExplicitAutograd) ||
          op.hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd),
      "The operator '", op.operator_name(),
      "' has no kernel for the xpu device of this runtime, and none for the CPU to fall back on.");
  op.callBoxed(stack);
}

class Traced {
 public:
  Traced(const c10::OperatorHandle& op, const c10::xpu::XPUStream& stream)
      : op_(op), stream_(stream), start_ns_(trace::enabled() ? trace::now_ns() : 0) {}
  ~Traced() {
    if (start_ns_)
      trace::add(trace::TaskRecord{op_.schema().name(), stream_.device_index(), stream_.id(),
                                   start_ns_, start_ns_, trace::now_ns(),
                                   trace::current_operation()});
  }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;
  Traced(Traced&&) = delete;
  Traced& operator=(Traced&&) = delete;

 private:
  const c10::OperatorHandle& op_;
  c10::xpu::XPUStream stream_;
  std::int64_t start_ns_;
};

}  // namespace

void cpu_fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  calls.fetch_add(1, std::memory_order_relaxed);
  FallbackArguments arguments(op.schema());
  arguments.to_cpu(*stack);
  const auto device = arguments.device();
  const c10::DeviceGuard guard(device);
  const auto stream = c10::xpu::getCurrentXPUStream(device.index());
  synchronize(stream);
  {
    const Traced traced(op, stream);
    call_on_cpu(op, stack);
  }
  if (order_log::enabled()) [[unlikely]]
    order_log::add_host_work(stream, op.schema().name().c_str(), arguments.accesses());
  arguments.finish_outputs();
  arguments.from_cpu(*stack);
}

std::int64_t fallback_count() noexcept { return calls.load(std::memory_order_relaxed); }

}  // namespace xpu_runtime
