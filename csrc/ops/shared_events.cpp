#include "ops/shared_events.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <mutex>
#include <unordered_map>

#include <sycl/sycl.hpp>

#include "event/shared_event.h"
#include "ops/event_state.h"
#include "ops/external_stream.h"

namespace xpu_event_ops {
namespace {

// By address, because c10::Event has no room. Nearly always empty; then the lock is not taken.
struct Shared {
  std::atomic<std::size_t> count{0};
  std::mutex mutex;
  std::unordered_map<const c10::Event*, sycl::event> signals;
};

Shared& shared() {
  static auto* shared = new Shared;  // leaked: events are destroyed until the end of the process
  return *shared;
}

void check_can_share(const c10::Stream& stream, const char* what) {
  const auto device = queue_of(stream).get_device();
  TORCH_CHECK_NOT_IMPLEMENTED(
      xpu_event::can_share_events(device), what,
      " is not supported: the device xpu:", static_cast<int>(stream.device_index()), " ('",
      device.get_info<sycl::info::device::name>(), "') lacks the aspect ",
      xpu_event::kSharedEventAspect,
      ", which sharing events between processes needs. Synchronize before handing data over "
      "instead.");
}

}  // namespace

void share_between_processes(const c10::Event& event) {
  const auto stream = current_stream();
  check_can_share(stream, "interprocess=True");
  TORCH_CHECK_VALUE(event.flag() == c10::EventFlag::PYTORCH_DEFAULT,
                    "interprocess=True and enable_timing=True exclude each other: an event of "
                    "several processes has no times.");
  auto signal = xpu_event::make_signal(queue_of(stream).get_context(), /*between_processes=*/true);
  const std::lock_guard lock(shared().mutex);
  shared().signals.insert_or_assign(&event, std::move(signal));
  shared().count.store(shared().signals.size());
}

void forget_shared(const c10::Event& event) noexcept {
  if (shared().count.load() == 0) return;
  const std::lock_guard lock(shared().mutex);
  shared().signals.erase(&event);
  shared().count.store(shared().signals.size());
}

std::optional<sycl::event> signal_of(const c10::Event& event) {
  if (shared().count.load() == 0) return std::nullopt;
  const std::lock_guard lock(shared().mutex);
  const auto found = shared().signals.find(&event);
  if (found == shared().signals.end()) return std::nullopt;
  return found->second;
}

std::string handle_of(const c10::Event& event) {
  const auto signal = signal_of(event);
  TORCH_CHECK_VALUE(signal.has_value(),
                    "ipc_handle() needs an event that was created with interprocess=True.");
  return xpu_event::handle_of(*signal);
}

sycl::event open_handle(const std::string& handle, c10::DeviceIndex device) {
  const auto stream = current_stream_on(device);
  check_can_share(stream, "from_ipc_handle()");
  return xpu_event::open_handle(handle, queue_of(stream).get_context());
}

}  // namespace xpu_event_ops
