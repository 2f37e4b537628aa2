#pragma once

#include <sycl/event.hpp>
#include <sycl/queue.hpp>

namespace xpu_event {

/// An event that the device itself knows in the context of `queue`, complete once `event` is.
///
/// SYCL keeps a dependency on an event of another context, or of a host task, to itself, and hands
/// what depends on it to the device only afterwards. Commands that go straight into the native
/// queue pass it. There is no way to ask whether an event is of that kind: the native handle of a
/// host task's event is a null pointer, and asking for it crashes. So on OpenCL, for an event that
/// is not complete, this makes a pending event that follows it within a fraction of a millisecond.
/// On other backends the result is `event`.
[[nodiscard]] sycl::event on_device(const sycl::event& event, const sycl::queue& queue);

}  // namespace xpu_event
