#include "runtime/recorded_event.h"

#include <type_traits>

#include "runtime/host_wait.h"
#include "runtime/task_queue.h"
#include "runtime/trace.h"

namespace xpu_runtime {
namespace {

using c10::xpu::XPUStream;

static_assert(std::is_standard_layout_v<RecordedEvent>,
              "a RecordedEvent* is also used as the XPUEvent* that comes first in it");

// When the log is on, a task behind the operation notes when the stream got past it.
void trace_on_stream(trace::EventOp op, const void* event, const XPUStream& stream,
                     std::int64_t submit_ns) {
  const auto ticket =
      trace::add(trace::EventRecord{op, reinterpret_cast<std::uintptr_t>(event),
                                    stream.device_index(), stream.id(), submit_ns, 0});
  enqueue(stream, nullptr, [ticket] { trace::finish(ticket); });
}

}  // namespace

void RecordedEvent::record(const XPUStream& stream) {
  const auto submit_ns = trace::enabled() ? trace::now_ns() : 0;
  const Coverage coverage{stream.id(), submitted(stream)};
  event_.record(stream.queue(), stream.device_index());
  {
    const std::lock_guard lock(mutex_);
    coverage_ = coverage;
  }
  if (submit_ns) trace_on_stream(trace::EventOp::record, this, stream, submit_ns);
}

void RecordedEvent::wait(const XPUStream& stream) const {
  const auto submit_ns = trace::enabled() ? trace::now_ns() : 0;
  event_.wait(stream.queue());
  if (submit_ns) trace_on_stream(trace::EventOp::wait, this, stream, submit_ns);
}

void RecordedEvent::synchronize() const {
  const auto covered = coverage();
  const auto device = static_cast<c10::DeviceIndex>(event_.device_index());
  const auto submit_ns = trace::enabled() ? trace::now_ns() : 0;
  {
    const HostWait without_gil;
    event_.synchronize();
  }
  if (submit_ns) {
    trace::finish(trace::add(trace::EventRecord{trace::EventOp::synchronize,
                                                reinterpret_cast<std::uintptr_t>(this), device,
                                                covered.stream, submit_ns, 0}));
  }
  rethrow(XPUStream::unpack3(covered.stream, device, c10::kXPU), covered.tasks);
}

RecordedEvent::Coverage RecordedEvent::coverage() const {
  const std::lock_guard lock(mutex_);
  return coverage_;
}

}  // namespace xpu_runtime
