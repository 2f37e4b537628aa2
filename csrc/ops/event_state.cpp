#include "ops/event_state.h"

#include <c10/core/impl/GPUTrace.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <sycl/event.hpp>

#include "event/shared_event.h"
#include "ops/external_stream.h"
#include "ops/shared_events.h"
#include "ops/switch_watch.h"

namespace xpu_event_ops {
namespace {

const c10::impl::DeviceGuardImplInterface& guard() {
  return *c10::impl::getDeviceGuardImpl(c10::kXPU);
}

std::atomic<bool> locking{false};

// c10::Event has no room for a lock or atomics, and its first record writes the pointer to the
// native event, so two threads that both see no pointer need a lock. A fixed set, shared by all
// events, costs nothing per event. Later records change only what the pointer leads to, which has
// its own lock; where it has none, every call locks (lock_calls). Callers must not hold the GIL,
// because recording may report to a GPU tracer, which takes it.
std::mutex& mutex_of(const c10::Event& event) {
  constexpr size_t kStripes = 64;
  constexpr int kAlignmentBits = 4;
  static std::array<std::mutex, kStripes> mutexes;
  return mutexes[(reinterpret_cast<uintptr_t>(&event) >> kAlignmentBits) % kStripes];
}

// Keeps other threads from recording the event where that would free it during a call.
std::unique_lock<std::mutex> hold(const c10::Event& event) {
  if (!locking) return {};
  return std::unique_lock(mutex_of(event));
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

// As torch's own guard does it: a sycl::event, a new one for each record.
xpu_event::NativeEvents native_events{
    .share = [](void* recording) { return *static_cast<sycl::event*>(recording); },
    .adopt = [](void* recording, const sycl::event& event,
                int /*device_index*/) { *static_cast<sycl::event*>(recording) = event; }};

// The native event of a recorded event at this moment.
sycl::event native_event(const c10::Event& event) {
  const auto held = hold(event);
  return native_events.share(event.eventId());
}

// What the guard would report to a GPU tracer.
void trace_synchronization(const c10::Event& event) {
  if (const auto* tracer = c10::impl::GPUTrace::get_trace()) [[unlikely]]
    (*tracer)->trace_gpu_event_synchronization(c10::kXPU,
                                               reinterpret_cast<uintptr_t>(event.eventId()));
}

// An event that processes share keeps one native event, which is signalled again and again.
void record_signal(c10::Event& event, const c10::Stream& stream, sycl::event& signal) {
  if (!event.was_marked_for_recording()) event.record(stream);  // for the device and the payload
  xpu_event::signal_behind(queue_of(stream), signal);
  native_events.adopt(event.eventId(), signal, stream.device_index());
}

}  // namespace

void lock_calls() { locking = true; }
bool calls_lock() { return locking; }

c10::Stream current_stream() { return guard().getStream(guard().getDevice()); }

void set_current_stream(const c10::Stream& stream) {
  guard().setDevice(stream.device());
  guard().exchangeStream(stream);
  SwitchWatch::note(stream);
}

void record(c10::Event& event, const c10::Stream& stream) {
  check_is_xpu(event, "record");
  std::unique_lock lock(mutex_of(event), std::defer_lock);
  if (locking || !event.was_marked_for_recording()) {
    lock.lock();
  }
  check_device(event, stream);
  if (auto signal = signal_of(event)) [[unlikely]] {
    record_signal(event, stream, *signal);
  } else {
    event.record(stream);
  }
}

void wait(c10::Event& event, const c10::Stream& stream) {
  check_is_xpu(event, "wait for");
  const auto held = hold(event);
  event.block(stream);
}

bool query(c10::Event& event) {
  check_is_xpu(event, "query");
  const auto held = hold(event);
  return event.query();
}

void synchronize(c10::Event& event) {
  check_is_xpu(event, "synchronize");
  if (!locking) return event.synchronize();
  if (!event.was_marked_for_recording()) return;
  trace_synchronization(event);
  native_event(event).wait_and_throw();  // on a copy: no lock is held while waiting
}

TimeStamp time_of(c10::Event& event, const char* which) {
  check_is_xpu(event, "measure with");
  check_timing(event, which);
  check_recorded(event, which);
  check_complete(event, which);
  return {event.device_index(), native_event(event)};
}

sycl::event share(c10::Event& event) {
  check_is_xpu(event, "share");
  return event.was_marked_for_recording() ? native_event(event) : sycl::event();
}

void adopt(c10::Event& event, const sycl::event& native, c10::DeviceIndex device) {
  // Only a record fixes the device of a c10::Event and lets the guard make the native part.
  record(event, guard().getStream({c10::kXPU, device}));
  native_events.adopt(event.eventId(), native, device);
}

void set_native_events(const xpu_event::NativeEvents& events) { native_events = events; }

double elapsed_ms(c10::Event& start, c10::Event& end) {
  check_is_xpu(start, "measure with");
  check_is_xpu(end, "measure with");
  check_timing(start, "start");
  check_timing(end, "end");
  check_recorded(start, "start");
  check_recorded(end, "end");
  check_complete(start, "start");
  check_complete(end, "end");
  return locking ? ms_between(time_of(start, "start"), time_of(end, "end"))
                 : start.elapsedTime(end);
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

void synchronize_device(std::int64_t device_index) {
  const auto count = guard().deviceCount();
  TORCH_CHECK(-1 <= device_index && device_index < count,
              "The device index is out of range. It must be in [0, ", static_cast<int>(count),
              "), but got ", device_index, ".");
  guard().synchronizeDevice(static_cast<c10::DeviceIndex>(device_index));
}

}  // namespace xpu_event_ops
