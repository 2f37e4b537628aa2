#pragma once

#include <sycl/event.hpp>
#include <sycl/queue.hpp>

namespace xpu_event {

/// An event that the device itself knows in the context of `queue`, complete once `event` is.
///
/// SYCL keeps a dependency on an event of another context, or of a host task, to itself, and hands
/// what depends on it to the device only afterwards. Commands that somebody puts into the native
/// queue meanwhile pass it. Whether an event is of that kind cannot be asked: the native handle of
/// a host task's event is a null pointer that crashes who asks for it. So on OpenCL an event that
/// is pending gets a stand-in, which follows it within a fraction of a millisecond. On other
/// backends the result is `event`.
[[nodiscard]] sycl::event on_device(const sycl::event& event, const sycl::queue& queue);

}  // namespace xpu_event
