// Events that other processes open: which they are, and how they get there.
//
// Such an event has one native event for good, because a handle names that one; recording signals
// it. A record by torch itself, in C++, does not know that and makes the event an ordinary one.
#pragma once

#include <c10/core/Event.h>

#include <optional>
#include <string>

#include <sycl/event.hpp>

namespace xpu_event_ops {

// From now on records of `event`, which was not recorded yet, are seen by other processes. Raises
// NotImplementedError, naming the aspect, where the current device cannot.
void share_between_processes(const c10::Event& event);

// To be called before such an event is destroyed; does nothing for others.
void forget_shared(const c10::Event& event) noexcept;

// The native event to signal; nothing for an event of this process alone.
[[nodiscard]] std::optional<sycl::event> signal_of(const c10::Event& event);

[[nodiscard]] std::string handle_of(const c10::Event& event);
[[nodiscard]] sycl::event open_handle(const std::string& handle, c10::DeviceIndex device);

}  // namespace xpu_event_ops
