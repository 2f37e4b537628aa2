#include "runtime/c10_xpu/task_queue.h"

#include <c10/util/ArrayRef.h>

#include <thread>

#include "runtime/c10_xpu/clean_dispatch.h"
#include "runtime/c10_xpu/device_pool.h"
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

void run_task(const Ticket& ticket) noexcept {
  std::unique_ptr<Task> task(ticket.task);
  const auto start_ns = ticket.submit_ns ? trace::now_ns() : 0;
  try {
    const CleanDispatch dispatch;  // this may be a thread that waits for the stream
    const SingleKernelThread threads;
    task->run();
  } catch (...) {
    ticket.stream->progress->keep_error(ticket.number, std::current_exception());
  }
  if (ticket.submit_ns && task->name())
    trace::add_finished({trace::Op::task, ticket.stream->handle, ticket.submit_ns, ticket.operation,
                         start_ns, task->name()});
  task.reset();  // before the stream counts as idle: it may own memory that a waiter looks at
  ticket.stream->task_finished();
}

void CL_CALLBACK run_native(void* ticket) { run_task(*static_cast<Ticket*>(ticket)); }

order_log::Accesses logged(const XpuRuntimeAccess* accesses, std::size_t count) {
  order_log::Accesses result;
  if (!order_log::enabled()) return result;
  for (const auto& each : c10::ArrayRef(accesses, count))
    result.push_back(
        {reinterpret_cast<std::uintptr_t>(each.address), 1, {each.bytes}, {1}, each.is_write});
  return result;
}

}  // namespace

void submit(const XPUStream& stream, std::unique_ptr<Task> task) {
  if (order_log::enabled() && task->name()) [[unlikely]]
    order_log::add({.op = order_log::Op::task,
                    .name = task->name(),
                    .stream = stream,
                    .accesses = std::move(task->accesses)});
  auto& state = state_of(stream);
  Ticket ticket{task.get(), &state, state.task_submitted()};
  ticket.submit_ns = trace::begin_ns();
  if (ticket.submit_ns) ticket.operation = trace::current_operation();
  try {
    if (state.native) {
      enqueue_native_kernel(*state.native, &run_native, &ticket, sizeof(ticket));
    } else {
      const Submission submission(state);
      state.queue.submit(
          [&ticket](sycl::handler& handler) { handler.host_task([ticket] { run_task(ticket); }); });
    }
  } catch (...) {
    state.task_finished();
    throw;
  }
  [[maybe_unused]] auto* taken_over = task.release();
}

Submission::Submission(const XPUStream& stream) : Submission(state_of(stream)) {}

// A thread that asks announces that before it looks for one that submits, and the other way round.
// So one of the two sees the other.
Submission::Submission(StreamState& state) noexcept : state_(state) {
  state_.progress->submitting.fetch_add(1);
  while (state_.progress->asking.load() != 0) std::this_thread::yield();
}

Submission::~Submission() { state_.progress->submitting.fetch_sub(1); }

sycl::queue& Submission::queue() const noexcept { return state_.queue; }

std::uint64_t Submission::tasks() const noexcept { return state_.progress->submitted.load(); }

void synchronize(const XPUStream& stream) {
  auto& state = state_of(stream);
  const auto begin_ns = trace::begin_ns();
  state.wait();
  trace::add_finished({trace::Op::stream_sync, state.handle, begin_ns});
  state.rethrow_error();
}

void synchronize(c10::DeviceIndex device) {
  const auto streams = used_streams(device);
  const auto begin_ns = trace::begin_ns();
  for (auto* stream : streams) stream->wait();
  const c10::Stream all(c10::Stream::DEFAULT, c10::Device(c10::kXPU, resolve(device)));
  trace::add_finished({trace::Op::device_sync, all, begin_ns});
  for (auto* stream : streams) stream->rethrow_error();
}

bool is_idle(const XPUStream& stream) {
  const bool idle = state_of(stream).is_idle();
  if (idle && order_log::enabled()) [[unlikely]]
    order_log::add_bare({.op = order_log::Op::finish_stream, .stream = stream});
  return idle;
}

void rethrow(const XPUStream& stream, std::uint64_t tasks) {
  state_of(stream).rethrow_error(tasks);
}

}  // namespace xpu_runtime

void xpu_runtime_enqueue(void (*run)(void*), void* arg, const char* name,
                         const XpuRuntimeAccess* accesses, std::size_t count) {
  xpu_runtime::enqueue(
      c10::xpu::getCurrentXPUStream(), name, [run, arg] { run(arg); },
      xpu_runtime::logged(accesses, count));
}
