#include "ops/event_times.h"

#include <c10/util/Exception.h>

#include <cstdint>

namespace xpu_event_ops {
namespace {

std::uint64_t end_ns(const sycl::event& event) {
  return event.get_profiling_info<sycl::info::event_profiling::command_end>();
}

}  // namespace

double ms_between(const TimeStamp& start, const TimeStamp& end) {
  TORCH_CHECK_VALUE(start.device == end.device,
                    "elapsed_time() cannot compare the clocks of two devices: the start event is "
                    "on xpu:",
                    static_cast<int>(start.device),
                    ", the end event on xpu:", static_cast<int>(end.device),
                    ". Record both on one device.");
  constexpr double kMsPerNs = 1e-6;
  return kMsPerNs *
         static_cast<double>(static_cast<std::int64_t>(end_ns(end.event) - end_ns(start.event)));
}

}  // namespace xpu_event_ops
