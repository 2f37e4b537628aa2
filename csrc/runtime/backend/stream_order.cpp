#include "runtime/backend/stream_order.h"

#include <utility>

#include "event/xpu_event.h"
#include "runtime/c10_xpu/order_log.h"
#include "runtime/c10_xpu/task_queue.h"

namespace xpu_runtime {
namespace {

using c10::xpu::XPUStream;

void log_wait(const XPUStream& waiting, const XPUStream& awaited, const void* event) {
  if (!order_log::enabled()) return;
  const auto object = reinterpret_cast<std::uintptr_t>(event);
  for (const auto& [op, stream] :
       {std::pair(order_log::Op::record, awaited), std::pair(order_log::Op::wait, waiting)})
    order_log::add(
        {.op = op, .device = stream.device_index(), .stream = stream.id(), .object = object});
}

}  // namespace

void wait_for(const XPUStream& waiting, const XPUStream& awaited) {
  xpu_event::XPUEvent event;
  {
    const Submission submission(awaited);
    event.record(awaited.queue(), awaited.device_index());
  }
  {
    const Submission submission(waiting);
    event.wait(waiting.queue());
  }
  log_wait(waiting, awaited, &event);
}

}  // namespace xpu_runtime
