// Collectives of torch.distributed on device memory, carried out by the CPU backend of their
// process group (gloo), in the order of streams.
//
// A task on a stream of the group's own, which waits for the current one, hands the collective to a
// thread of the group, and a latch holds that stream back until it is done. So neither the host nor
// a thread of the device waits for other ranks.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/core/DeviceGuard.h>
#include <c10/xpu/XPUCachingAllocator.h>
#include <torch/library.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <memory>
#include <utility>
#include <vector>

#include "event/latch.h"
#include "runtime/backend/recorded_event.h"
#include "runtime/c10_xpu/host_wait.h"
#include "runtime/c10_xpu/task_queue.h"
#include "runtime/c10_xpu/trace.h"
#include "runtime/collectives/collective_group.h"
#include "runtime/collectives/collective_work.h"
#include "runtime/tensors/accesses.h"
#include "runtime/tensors/alias.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::IValue;
using c10::ivalue::Future;
using c10::xpu::XPUStream;
using c10d::ProcessGroup;

bool is_group(const IValue& value) {
  return value.isCustomClass() &&
         value.type() == c10::getCustomClassType<c10::intrusive_ptr<ProcessGroup>>();
}

// What is in the arguments of one call, and what the CPU backend gets for it.
class Arguments {
 public:
  explicit Arguments(c10::ArrayRef<IValue> given) {
    for (const auto& value : given) {
      const bool is_written = &value == &given.front();  // every collective has its results first
      value.visit([&](const IValue& each) {
        if (each.isTensor()) add(each.toTensor(), is_written);
        if (each.isCustomClass()) on_host[each] = each;
        if (is_group(each)) group = each;
        return !each.isList();
      });
      if (is_written) outputs = tensors;
    }
    TORCH_INTERNAL_ASSERT(!group.isNone() && !tensors.empty());
  }

  IValue group;
  std::vector<Tensor> tensors;
  std::vector<Tensor> outputs;
  order_log::Accesses accesses;
  IValue::HashIdentityIValueMap on_host;  // in place of what

 private:
  void add(const Tensor& tensor, bool is_written) {
    TORCH_CHECK(tensor.is_xpu() && (tensors.empty() || tensor.device() == tensors[0].device()),
                "The tensors of a collective are on one device, but got ", tensor.device(), " and ",
                tensors.empty() ? c10::Device(c10::kXPU) : tensors[0].device(),
                ". Move them to one device first.");
    tensors.push_back(tensor);
    order_log::add_access(accesses, tensor, is_written);
    on_host[tensor] = cpu_alias(tensor);
  }
};

// Knows nothing that Python knows.
struct Call {
  std::shared_ptr<DeviceGroup> group;  // not given up before
  c10::OperatorHandle op;
  torch::jit::Stack stack;
  XPUStream stream;
  Progress progress;
  trace::Operation operation;  // which called for it
};

void carry_out(Call& call) {
  const auto start_ns = trace::begin_ns();
  std::exception_ptr error;
  try {
    call.op.callBoxed(call.stack);
    call.stack.back().toCustomClass<c10d::Work>()->wait();
  } catch (...) {
    error = std::current_exception();
  }
  call.stack.clear();
  trace::add_finished(
      {trace::Op::task, call.stream, start_ns, call.operation, start_ns, call.op.schema().name()});
  if (!error) return call.progress->markCompleted();
  call.group->keep_error(error);
  call.progress->setError(error);
}

// Everything later on the stream of the group comes after the collective.
Progress start(const std::shared_ptr<DeviceGroup>& group, const c10::OperatorHandle& op,
               torch::jit::Stack arguments) {
  auto progress = c10::make_intrusive<Future>(c10::NoneType::get());
  const auto& stream = group->stream;
  const auto call = std::make_shared<Call>(group, op, std::move(arguments), stream, progress,
                                           trace::current_operation());
  // Without a name: the trace shows the collective, not its start.
  enqueue(stream, nullptr, [call] { call->group->thread.run([call] { carry_out(*call); }); });
  try {
    const Submission submission(stream);
    const auto latch = std::make_shared<xpu_event::Latch>(stream.queue());
    progress->addCallback([latch](Future& /*progress*/) { latch->release(); },
                          /*uses_future=*/false);
  } catch (...) {
    const HostWait waiting;  // nothing else orders its memory
    progress->wait();
    throw;
  }
  return progress;
}

void collective(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto count = op.schema().arguments().size();
  const auto given = torch::jit::last(*stack, count);
  Arguments arguments(given);
  const auto device = arguments.tensors.front().device();
  const auto group = DeviceGroup::of(arguments.group.toCustomClass<ProcessGroup>(), device.index());
  group->rethrow_error();
  const c10::DeviceGuard guard(device);
  const auto& stream = group->stream;
  wait_for(stream, c10::xpu::getCurrentXPUStream(device.index()));
  for (const auto& tensor : arguments.tensors)
    c10::xpu::XPUCachingAllocator::recordStream(tensor.storage().data_ptr(), stream);
  order_log::add({.op = order_log::Op::task,
                  .name = op.schema().name(),
                  .stream = stream,
                  .accesses = std::move(arguments.accesses)});
  arguments.on_host[arguments.group] = group->on_cpu;
  torch::jit::Stack on_host;
  for (const auto& value : given) on_host.push_back(value.deepcopy(arguments.on_host));
  const auto progress = start(group, op, std::move(on_host));

  const IValue first = given.front();
  torch::jit::drop(*stack, count);
  if (op.schema().returns().size() == 2) stack->push_back(first);
  stack->emplace_back(c10::intrusive_ptr<c10d::Work>(
      c10::make_intrusive<CollectiveWork>(progress, stream, std::move(arguments.outputs))));
}

}  // namespace

// Not here: send and receive, which ranks may issue in different orders, and barriers, which are
// for the host.
TORCH_LIBRARY_IMPL(c10d, XPU, m) {
  for (const auto* name :
       {"broadcast_", "allreduce_", "allreduce_coalesced_", "reduce_", "allgather_",
        "_allgather_base_", "allgather_coalesced_", "allgather_into_tensor_coalesced_", "gather_",
        "scatter_", "reduce_scatter_", "_reduce_scatter_base_", "reduce_scatter_tensor_coalesced_",
        "alltoall_", "alltoall_base_"})
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&collective>());
}

}  // namespace xpu_runtime
