// What event ops do to the c10::Event in an event, the state that every path of torch shares. One
// class of events has a second state (event_operand.h).
//
// Nothing here knows who implements the device: calls go through torch's device guard, so the same
// code runs on this project's runtime and on a torch with XPU.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include "event/native_events.h"
#include "ops/event_times.h"

namespace xpu_event_ops {

// The stream that is current on the calling thread's current XPU device.
[[nodiscard]] c10::Stream current_stream();

// Makes `stream`, and its device, current on the calling thread.
void set_current_stream(const c10::Stream& stream);

// torch's own device guard replaces the native event in each record, even while another thread uses
// it. After this the calls below lock; otherwise they trust the guard to lock.
void lock_calls();
[[nodiscard]] bool calls_lock();

// Threads may call these on one event at the same time. record(), and all of them where the calls
// lock, must be called without the GIL (csrc/runtime/DESIGN.md). None needs the GIL, and all but
// the synchronize functions return without waiting for the device.
void record(c10::Event& event, const c10::Stream& stream);
void wait(c10::Event& event, const c10::Stream& stream);
[[nodiscard]] bool query(c10::Event& event);
void synchronize(c10::Event& event);

// The time of an event. Raises unless it is timed, recorded and complete. `which` is "start" or
// "end".
[[nodiscard]] TimeStamp time_of(c10::Event& event, const char* which);
// The native event, shared; a complete one if the event was never recorded.
[[nodiscard]] sycl::event share(c10::Event& event);

// Makes `event`, which no other thread uses yet, one that was recorded elsewhere. `device` exists.
void adopt(c10::Event& event, const sycl::event& native, c10::DeviceIndex device);

// Says how the device keeps native events, if not as torch's own guard does.
void set_native_events(const xpu_event::NativeEvents& events);

// Milliseconds between two timed, recorded and completed events.
[[nodiscard]] double elapsed_ms(c10::Event& start, c10::Event& end);

// Keeps the memory of `data` from reuse until everything that `stream` has been given is complete.
void record_stream(const c10::DataPtr& data, const c10::Stream& stream);

// Later work of `waiter` runs after everything submitted to `other` so far.
void wait_stream(const c10::Stream& waiter, const c10::Stream& other);
void synchronize_stream(const c10::Stream& stream);
[[nodiscard]] bool query_stream(const c10::Stream& stream);

// Raises for an index that no device has; -1 is the current one. Not c10::DeviceIndex: 256 would
// become 0.
void synchronize_device(std::int64_t device_index);

}  // namespace xpu_event_ops
