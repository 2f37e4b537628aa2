#include "runtime/c10_xpu/task_queue.h"

#include "runtime/c10_xpu/clean_dispatch.h"
#include "runtime/c10_xpu/kernel_threads.h"
#include "runtime/c10_xpu/stream_state.h"
#include "runtime/c10_xpu/trace.h"

namespace xpu_runtime {
namespace {

using c10::xpu::XPUStream;

// A task on its way through the device. Copied bytewise by OpenCL.
struct Ticket {
  Task* task;
  StreamState* stream;
  std::uint64_t number;
  std::int64_t submit_ns = 0;  // 0: not traced
  trace::Operation operation = 0;
};

void run_guarded(Task& task) {
  const CleanDispatch dispatch;  // this may be a thread that waits for the stream
  const SingleKernelThread threads;
  task.run();
}

void run_task(const Ticket& ticket) noexcept {
  std::unique_ptr<Task> task(ticket.task);
  const auto start_ns = ticket.submit_ns ? trace::now_ns() : 0;
  try {
    run_guarded(*task);
  } catch (...) {
    ticket.stream->keep_error(ticket.number, std::current_exception());
  }
  if (ticket.submit_ns && task->name()) {
    trace::add(trace::TaskRecord{task->name(), ticket.stream->device(), ticket.stream->id(),
                                 ticket.submit_ns, start_ns, trace::now_ns(), ticket.operation});
  }
  task.reset();  // before the stream counts as idle: it may own memory that a waiter looks at
  ticket.stream->task_finished();
}

void CL_CALLBACK run_native(void* ticket) { run_task(*static_cast<Ticket*>(ticket)); }

void submit_native(cl_command_queue queue, Ticket ticket) {
  check_opencl(opencl().enqueue_native_kernel(queue, &run_native, &ticket, sizeof(ticket), 0,
                                              nullptr, nullptr, 0, nullptr, nullptr),
               "clEnqueueNativeKernel");
  check_opencl(opencl().flush(queue), "clFlush");
}

void submit_host_task(StreamState& state, const Ticket& ticket) {
  const Submission submission(state);
  state.queue().submit(
      [&ticket](sycl::handler& handler) { handler.host_task([ticket] { run_task(ticket); }); });
}

void log_order(const XPUStream& stream, Task& task) {
  order_log::add({.op = order_log::Op::task,
                  .name = task.name(),
                  .device = stream.device_index(),
                  .stream = stream.id(),
                  .accesses = task.take_accesses()});
}

}  // namespace

Task::~Task() = default;

void submit(const XPUStream& stream, std::unique_ptr<Task> task) {
  if (order_log::enabled() && task->name()) [[unlikely]]
    log_order(stream, *task);
  auto& state = state_of(stream);
  Ticket ticket{task.get(), &state, state.task_submitted()};
  if (trace::enabled()) [[unlikely]] {
    ticket.submit_ns = trace::now_ns();
    ticket.operation = trace::current_operation();
  }
  try {
    if (state.native())
      submit_native(*state.native(), ticket);
    else
      submit_host_task(state, ticket);
  } catch (...) {
    state.task_finished();
    throw;
  }
  [[maybe_unused]] auto* taken_over = task.release();
}

Submission::Submission(const XPUStream& stream) : Submission(state_of(stream)) {}

Submission::Submission(StreamState& state) noexcept : state_(state) { state_.begin_submission(); }

Submission::~Submission() { state_.end_submission(); }

sycl::queue& Submission::queue() const noexcept { return state_.queue(); }

std::uint64_t Submission::tasks() const noexcept { return state_.submitted(); }

void wait(const XPUStream& stream) { state_of(stream).wait(); }

void synchronize(const XPUStream& stream) {
  auto& state = state_of(stream);
  state.wait();
  state.rethrow_error(state.submitted());
}

void synchronize(c10::DeviceIndex device) {
  const auto streams = used_streams(device);
  for (auto* stream : streams) stream->wait();
  for (auto* stream : streams) stream->rethrow_error(stream->submitted());
}

bool is_idle(const XPUStream& stream) {
  auto& state = state_of(stream);
  const bool idle = state.is_idle();
  if (idle && order_log::enabled()) [[unlikely]]
    state.log_finished();
  return idle;
}

void rethrow(const XPUStream& stream) {
  auto& state = state_of(stream);
  state.rethrow_error(state.submitted());
}

void rethrow(const XPUStream& stream, std::uint64_t tasks) {
  state_of(stream).rethrow_error(tasks);
}

}  // namespace xpu_runtime

namespace {

class CallbackTask final : public xpu_runtime::Task {
 public:
  CallbackTask(void (*run)(void*), void* arg, const char* name,
               xpu_runtime::order_log::Accesses accesses)
      : Task(name, std::move(accesses)), run_(run), arg_(arg) {}
  void run() override { run_(arg_); }

 private:
  void (*run_)(void*);
  void* arg_;
};

xpu_runtime::order_log::Accesses logged(const XpuRuntimeAccess* accesses, std::size_t count) {
  xpu_runtime::order_log::Accesses result;
  if (!xpu_runtime::order_log::enabled()) return result;
  for (const auto& each : c10::ArrayRef(accesses, count))
    result.push_back(
        {reinterpret_cast<std::uintptr_t>(each.address), 1, {each.bytes}, {1}, each.is_write});
  return result;
}

}  // namespace

void xpu_runtime_enqueue(void (*run)(void*), void* arg, const char* name,
                         const XpuRuntimeAccess* accesses, std::size_t count) {
  xpu_runtime::submit(c10::xpu::getCurrentXPUStream(),
                      std::make_unique<CallbackTask>(run, arg, name, logged(accesses, count)));
}
