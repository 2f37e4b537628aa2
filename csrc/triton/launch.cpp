#include "triton/launch.h"

#include <c10/util/Exception.h>

#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "runtime/c10_xpu/opencl.h"
#include "runtime/c10_xpu/task_queue.h"
#include "runtime/c10_xpu/trace.h"
#include "triton/assertions.h"
namespace xpu_triton {
namespace {

namespace order_log = xpu_runtime::order_log;
namespace trace = xpu_runtime::trace;
using c10::xpu::XPUStream;

// The OpenCL queue under a stream. Queues of streams live for ever at one address.
cl_command_queue native_queue(const XPUStream& stream) {
  static auto* const queues = new std::unordered_map<const sycl::queue*, cl_command_queue>;
  static auto* const mutex = new std::mutex;
  const auto& queue = stream.queue();
  const std::lock_guard lock(*mutex);
  auto& native = (*queues)[&queue];
  if (!native) {
    const auto found = xpu_runtime::native_kernel_queue(queue);
    TORCH_CHECK(found, "The device of ", stream,
                " runs tasks of the xpu runtime as SYCL host "
                "tasks, with which a Triton kernel would not be in order. Use a device whose "
                "OpenCL runs native kernels, without XPU_DYNAMO_EVENT_HOST_TASKS.");
    native = *found;
  }
  return native;
}

// When the kernel ran. Tasks on both sides of it measure that, as it has no code of ours.
struct Span {
  trace::Record record;
};

struct Begin final : xpu_runtime::Task {
  explicit Begin(std::shared_ptr<Span> span) : Task(nullptr), span(std::move(span)) {}
  void run() override { span->record.start_ns = trace::now_ns(); }
  std::shared_ptr<Span> span;
};

// Behind each kernel: a stream counts its tasks, and SYCL does not see commands of OpenCL. Its
// error is that of the kernel.
struct End final : xpu_runtime::Task {
  End(const Kernel& kernel, std::shared_ptr<Span> span)
      : Task(nullptr), kernel(kernel), span(std::move(span)) {}
  void run() override {
    if (span) trace::add_finished(std::move(span->record));
    rethrow_assertion(kernel.name);
  }
  const Kernel& kernel;  // lives for ever
  std::shared_ptr<Span> span;
};

std::shared_ptr<Span> begin_span(const XPUStream& stream, const Kernel& kernel) {
  if (!trace::enabled()) [[likely]]
    return nullptr;
  auto span = std::make_shared<Span>(Span{{.op = trace::Op::task,
                                           .stream = stream,
                                           .submit_ns = trace::now_ns(),
                                           .operation = trace::current_operation(),
                                           .name = kernel.name}});
  xpu_runtime::submit(stream, std::make_unique<Begin>(span));
  return span;
}

void enqueue_kernel(cl_command_queue queue, Kernel& kernel, const Launch& launch) {
  const std::lock_guard lock(kernel.mutex);
  cl_uint index = 0;
  for (const auto& argument : launch.arguments) {
    if (argument.size)
      set_bytes(kernel.handle, index, &argument.value, argument.size);
    else
      check(kernel.set_pointer(kernel.handle, index, reinterpret_cast<const void*>(argument.value)),
            "clSetKernelArgMemPointerINTEL");
    ++index;
  }
  if (launch.shared_bytes) set_bytes(kernel.handle, index, nullptr, launch.shared_bytes);
  enqueue(queue, kernel.handle, launch.groups, launch.width);
}

}  // namespace

void launch(const XPUStream& stream, Kernel& kernel, Launch launch) {
  auto* const queue = native_queue(stream);
  if (order_log::enabled()) [[unlikely]]
    order_log::add({.op = order_log::Op::task,
                    .name = kernel.name,
                    .stream = stream,
                    .accesses = std::move(launch.accesses)});
  auto span = begin_span(stream, kernel);
  enqueue_kernel(queue, kernel, launch);
  xpu_runtime::submit(stream, std::make_unique<End>(kernel, std::move(span)));
}

}  // namespace xpu_triton
