// Events that other processes can open.
//
// Such an event keeps one native event, because its handle names that one; recording signals it. A
// record by torch's own C++ does not know that and turns the event into an ordinary one.
#pragma once

#include <c10/core/Event.h>

#include <optional>
#include <string>

#include <sycl/event.hpp>

namespace xpu_event_ops {

// Makes records of `event`, which was not recorded yet, visible to other processes. Raises
// NotImplementedError, naming the aspect, if the current device cannot do that.
void share_between_processes(const c10::Event& event);

// Has to be called before such an event is destroyed; does nothing for other events.
void forget_shared(const c10::Event& event) noexcept;

// The native event to signal; nothing for an event of this process alone.
[[nodiscard]] std::optional<sycl::event> signal_of(const c10::Event& event);

[[nodiscard]] std::string handle_of(const c10::Event& event);
[[nodiscard]] sycl::event open_handle(const std::string& handle, c10::DeviceIndex device);

}  // namespace xpu_event_ops
