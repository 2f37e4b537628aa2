// What an event op does to the state of an event: the c10::Event that every path of torch shares.
// An event may also have another state (event_operand.h).
//
// Nothing here knows who implements the device: calls go through torch's device guard, so the same
// code runs on this project's runtime and on a torch that has XPU itself.
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

// The device guard of torch itself replaces the native event in each record, while another thread
// may be using it. With this the calls below lock; without, the guard is trusted to do so.
void lock_calls();
[[nodiscard]] bool calls_lock();

// Calls of different threads on one event are safe. Where they lock, not with the GIL held. None of
// them needs or touches the GIL, and all but the synchronize functions return without waiting for
// the device.
void record(c10::Event& event, const c10::Stream& stream);
void wait(c10::Event& event, const c10::Stream& stream);
[[nodiscard]] bool query(c10::Event& event);
void synchronize(c10::Event& event);

// The time of an event. Raises unless it is timed, recorded and complete. `which` is "start" or
// "end".
[[nodiscard]] TimeStamp time_of(c10::Event& event, const char* which);
// The native event, shared; a complete one if the event was never recorded.
[[nodiscard]] sycl::event share(c10::Event& event);

// Makes `event`, which no other thread uses yet, one that somebody else recorded. `device` exists.
void adopt(c10::Event& event, const sycl::event& native, c10::DeviceIndex device);

// How the device keeps native events, where it does not as torch's own guard.
void set_native_events(const xpu_event::NativeEvents& events);

// Milliseconds between two timed, recorded and completed events.
[[nodiscard]] double elapsed_ms(c10::Event& start, c10::Event& end);

// Memory of `data` is not handed out again before what `stream` has been given so far is complete.
void record_stream(const c10::DataPtr& data, const c10::Stream& stream);

// Later work of `waiter` runs after everything submitted to `other` so far.
void wait_stream(const c10::Stream& waiter, const c10::Stream& other);
void synchronize_stream(const c10::Stream& stream);
[[nodiscard]] bool query_stream(const c10::Stream& stream);
void synchronize_device(c10::DeviceIndex device_index);

}  // namespace xpu_event_ops
