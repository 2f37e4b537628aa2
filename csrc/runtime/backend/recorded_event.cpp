#include "runtime/backend/recorded_event.h"

#include <atomic>
#include <type_traits>

#include "event/device_event.h"
#include "runtime/c10_xpu/faults.h"
#include "runtime/c10_xpu/host_wait.h"
#include "runtime/c10_xpu/order_log.h"
#include "runtime/c10_xpu/task_queue.h"
#include "runtime/c10_xpu/trace.h"

namespace xpu_runtime {
namespace {

using c10::xpu::XPUStream;

static_assert(std::is_standard_layout_v<RecordedEvent>,
              "a RecordedEvent* is also used as the XPUEvent* that comes first in it");

// When the log is on, a task notes when the stream gets to the operation.
void trace_on_stream(trace::Op op, const void* event, const XPUStream& stream,
                     std::int64_t submit_ns) {
  const auto ticket =
      trace::add({.op = op, .stream = stream, .submit_ns = submit_ns, .event = event});
  enqueue(stream, nullptr, [ticket] { trace::finish(ticket); });
}

void log_order(order_log::Op op, const void* event, const XPUStream& stream) {
  if (order_log::enabled()) [[unlikely]]
    order_log::add({.op = op, .stream = stream, .object = reinterpret_cast<std::uintptr_t>(event)});
}

bool every_third() {
  static std::atomic<unsigned> calls{0};
  return calls.fetch_add(1) % 3 == 2;
}

}  // namespace

void RecordedEvent::record(const XPUStream& stream) {
  const auto submit_ns = trace::begin_ns();
  if (faults::is_on(faults::Fault::record_stale) && event_.created()) return;
  // Before the record, so that no wait is noted earlier; a wait is noted behind it.
  if (submit_ns) trace_on_stream(trace::Op::record, this, stream, submit_ns);
  std::uint64_t tasks = 0;
  {
    const Submission submission(stream);
    tasks = submission.tasks();
    event_.record(submission.queue(), stream.device_index());
  }
  coverage_.withLock([&](auto& covered) { covered = {stream.id(), tasks}; });
  log_order(order_log::Op::record, this, stream);
}

void RecordedEvent::adopt(const sycl::event& event, int device_index) {
  const auto device = static_cast<c10::DeviceIndex>(device_index);
  const auto stream = c10::xpu::getCurrentXPUStream(device);
  {
    const Submission submission(stream);
    // Kernels go into native queues, past what SYCL holds back on the host.
    event_.adopt(xpu_event::on_device(event, submission.queue()), device_index);
  }
  // No task of ours: their errors are reported elsewhere.
  coverage_.withLock([](auto& covered) { covered = {}; });
}

void RecordedEvent::wait(const XPUStream& stream) const {
  const auto submit_ns = trace::begin_ns();
  if (faults::is_on(faults::Fault::wait_elided) && every_third()) return;
  const auto pending = event_.pending_for(stream.queue());
  if (pending) {
    const Submission submission(stream);
    xpu_event::wait_for(submission.queue(), *pending);
  }
  // If nothing was submitted, the event is complete, or it is of the same stream; in that case
  // there is nothing to log.
  if (order_log::enabled() && (pending || event_.query())) [[unlikely]]
    log_order(order_log::Op::wait, this, stream);
  if (submit_ns) trace_on_stream(trace::Op::wait, this, stream, submit_ns);
}

void RecordedEvent::synchronize() const {
  if (faults::is_on(faults::Fault::event_always_done)) return;
  const auto covered = coverage_.withLock([](const auto& each) { return each; });
  const auto device = static_cast<c10::DeviceIndex>(event_.device_index());
  const auto stream = XPUStream::unpack3(covered.stream, device, c10::kXPU);
  const auto submit_ns = trace::begin_ns();
  {
    const HostWait without_gil;
    event_.synchronize();
  }
  log_finished();
  trace::add_finished(
      {.op = trace::Op::event_sync, .stream = stream, .submit_ns = submit_ns, .event = this});
  rethrow(stream, covered.tasks);
}

bool RecordedEvent::query() const {
  if (faults::is_on(faults::Fault::event_always_done)) return true;
  const bool complete = event_.query();
  if (complete) log_finished();
  return complete;
}

void RecordedEvent::log_finished() const {
  if (order_log::enabled()) [[unlikely]]
    order_log::add(
        {.op = order_log::Op::finish_event, .object = reinterpret_cast<std::uintptr_t>(this)});
}

void wait_for(const XPUStream& waiting, const XPUStream& awaited) {
  xpu_event::XPUEvent event;
  {
    const Submission submission(awaited);
    event.record(submission.queue(), awaited.device_index());
  }
  {
    const Submission submission(waiting);
    event.wait(submission.queue());
  }
  log_order(order_log::Op::record, &event, awaited);
  log_order(order_log::Op::wait, &event, waiting);
}

}  // namespace xpu_runtime
