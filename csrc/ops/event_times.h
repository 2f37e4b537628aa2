// Times of native events, for pairs that no class of torch measures itself.
#pragma once

#include <c10/core/Device.h>

#include <sycl/event.hpp>

namespace xpu_event_ops {

// A timed, recorded and completed event, and the device whose clock it was taken from.
struct TimeStamp {
  c10::DeviceIndex device;
  sycl::event event;
};

// Milliseconds from `start` to `end`.
[[nodiscard]] double ms_between(const TimeStamp& start, const TimeStamp& end);

}  // namespace xpu_event_ops
