#include "event/shared_event.h"

#include "event/error.h"

#if __has_include(<sycl/ext/oneapi/experimental/ipc_event.hpp>)

#include <sycl/sycl.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace xpu_event {

namespace oneapi = sycl::ext::oneapi::experimental;

bool can_share_events(const sycl::device& device) {
  return device.has(sycl::aspect::ext_oneapi_ipc_event);
}

sycl::event make_signal(const sycl::context& context, bool between_processes) {
  return translate_errors("making an event that can be signalled", [&] {
    if (!between_processes) return oneapi::make_event(context);
    return oneapi::make_event(context, oneapi::properties{oneapi::enable_ipc{true}});
  });
}

void signal_behind(sycl::queue& queue, sycl::event& signal) {
  translate_errors("signalling", [&] { oneapi::enqueue_signal_event(queue, signal); });
}

std::string handle_of(const sycl::event& signal) {
  return translate_errors("getting the handle of an event", [&] {
    const auto bytes = oneapi::ipc::event::get(signal).data();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
}

sycl::event open_handle(std::string_view handle, const sycl::context& context) {
  return translate_errors("opening the handle of an event", [&] {
    std::vector<std::byte> bytes(handle.size());
    std::transform(handle.begin(), handle.end(), bytes.begin(),
                   [](char each) { return static_cast<std::byte>(each); });
    return oneapi::ipc::event::open(bytes, context);
  });
}

}  // namespace xpu_event

#else

namespace xpu_event {
namespace {

[[noreturn]] void refuse() {
  throw Error("XPU event: the SYCL headers of this build know no events between processes.");
}

}  // namespace

bool can_share_events(const sycl::device& /*device*/) { return false; }
sycl::event make_signal(const sycl::context& /*context*/, bool /*between_processes*/) { refuse(); }
void signal_behind(sycl::queue& /*queue*/, sycl::event& /*signal*/) { refuse(); }
std::string handle_of(const sycl::event& /*signal*/) { refuse(); }
sycl::event open_handle(std::string_view /*handle*/, const sycl::context& /*context*/) { refuse(); }

}  // namespace xpu_event

#endif
