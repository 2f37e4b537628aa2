#pragma once

#include <string>
#include <string_view>

#include <sycl/context.hpp>
#include <sycl/device.hpp>
#include <sycl/event.hpp>
#include <sycl/queue.hpp>

/// Events that processes share: the SYCL extensions for inter-process communication and for events
/// that are signalled again and again. Both are experimental, and newer than the rest.
namespace xpu_event {

/// The aspect of a device that this needs, as SYCL names it.
inline constexpr const char* kSharedEventAspect = "ext_oneapi_ipc_event";

/// Whether events of the device can be shared, and this build and the loaded libsycl know how.
[[nodiscard]] bool can_share_events(const sycl::device& device);

/// An event that can be signalled, and waited for as any other; complete until the first signal.
///
/// Args:
///   between_processes: whether it has a handle for another process, which needs the aspect.
[[nodiscard]] sycl::event make_signal(const sycl::context& context, bool between_processes);

/// Makes `signal` pending until everything that `queue` has been given so far is complete.
void signal_behind(sycl::queue& queue, sycl::event& signal);

/// The bytes by which another process opens `signal`.
[[nodiscard]] std::string handle_of(const sycl::event& signal);

/// The event behind the bytes that another process got from `handle_of`.
[[nodiscard]] sycl::event open_handle(std::string_view handle, const sycl::context& context);

}  // namespace xpu_event
