#include "ops/event_state.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <array>
#include <cstdint>
#include <mutex>

namespace xpu_event_ops {
namespace {

const c10::impl::DeviceGuardImplInterface& guard() {
  return *c10::impl::getDeviceGuardImpl(c10::kXPU);
}

// c10::Event has room for neither a lock nor atomics, and its first record writes the pointer to
// the native event. Two threads that both see none need a lock; a fixed set shared by all events
// costs nothing per event. Later records change only what the pointer leads to, which locks for
// itself. Callers must not hold the GIL: recording may report to a GPU tracer, which takes it.
std::mutex& mutex_of(const c10::Event& event) {
  constexpr size_t kStripes = 64;
  constexpr int kAlignmentBits = 4;
  static std::array<std::mutex, kStripes> mutexes;
  return mutexes[(reinterpret_cast<uintptr_t>(&event) >> kAlignmentBits) % kStripes];
}

void check_is_xpu(const c10::Event& event, const char* verb) {
  TORCH_CHECK_VALUE(event.device_type() == c10::kXPU, "Cannot ", verb, " an event of device type '",
                    c10::DeviceTypeName(event.device_type(), /*lower_case=*/true),
                    "' here: this needs an XPU event. Create it with torch.xpu.Event() or "
                    "torch.Event(device='xpu').");
}

void check_timing(const c10::Event& event, const char* which) {
  TORCH_CHECK_VALUE(event.flag() == c10::EventFlag::BACKEND_DEFAULT,
                    "elapsed_time() cannot use the ", which,
                    " event: it does not measure time. Create both events with "
                    "enable_timing=True.");
}

void check_recorded(const c10::Event& event, const char* which) {
  TORCH_CHECK_VALUE(event.was_marked_for_recording(), "elapsed_time() cannot use the ", which,
                    " event: it was never recorded. Call record() on both events first.");
}

void check_complete(c10::Event& event, const char* which) {
  TORCH_CHECK(query(event), "elapsed_time() cannot use the ", which,
              " event: the work it was recorded after has not completed. Call synchronize() on "
              "both events first.");
}

void check_device(const c10::Event& event, const c10::Stream& stream) {
  TORCH_CHECK_VALUE(
      !event.was_marked_for_recording() || event.device_index() == stream.device_index(),
      "Event device xpu:", static_cast<int>(event.device_index()),
      " does not match recording stream's device xpu:", static_cast<int>(stream.device_index()),
      ". An event stays on the device of its first record: use a new event for the other device.");
}

}  // namespace

c10::Stream current_stream() { return guard().getStream(guard().getDevice()); }

void set_current_stream(const c10::Stream& stream) {
  guard().setDevice(stream.device());
  guard().exchangeStream(stream);
}

void record(c10::Event& event, const c10::Stream& stream) {
  check_is_xpu(event, "record");
  std::unique_lock lock(mutex_of(event), std::defer_lock);
  if (!event.was_marked_for_recording()) {
    lock.lock();
  }
  check_device(event, stream);
  event.record(stream);
}

void wait(c10::Event& event, const c10::Stream& stream) {
  check_is_xpu(event, "wait for");
  event.block(stream);
}

bool query(c10::Event& event) {
  check_is_xpu(event, "query");
  return event.query();
}

void synchronize(c10::Event& event) {
  check_is_xpu(event, "synchronize");
  event.synchronize();
}

double elapsed_ms(c10::Event& start, c10::Event& end) {
  check_is_xpu(start, "measure with");
  check_is_xpu(end, "measure with");
  check_timing(start, "start");
  check_timing(end, "end");
  check_recorded(start, "start");
  check_recorded(end, "end");
  check_complete(start, "start");
  check_complete(end, "end");
  return start.elapsedTime(end);
}

void record_stream(const c10::DataPtr& data, const c10::Stream& stream) {
  guard().recordDataPtrOnStream(data, stream);
}

void wait_stream(const c10::Stream& waiter, const c10::Stream& other) {
  c10::Event event(c10::kXPU);
  event.record(other);
  event.block(waiter);
}

void synchronize_stream(const c10::Stream& stream) { guard().synchronizeStream(stream); }

bool query_stream(const c10::Stream& stream) { return guard().queryStream(stream); }

void synchronize_device(c10::DeviceIndex device_index) { guard().synchronizeDevice(device_index); }

}  // namespace xpu_event_ops
