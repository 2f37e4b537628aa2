#include "event/shared_event.h"

#include "event/error.h"

#if __has_include(<sycl/ext/oneapi/experimental/ipc_event.hpp>)

#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <sycl/sycl.hpp>

namespace xpu_event {

namespace oneapi = sycl::ext::oneapi::experimental;

namespace {

// Functions of libsycl that are newer than the oldest one that a supported torch brings
// (tests/packaging/sycl_releases.py). Linked, they would keep the whole module from loading there.
// The names are what the compiler makes of the declarations in the headers.
constexpr const char* kMakeEvent =
    "_ZN4sycl3_V13ext6oneapi12experimental6detail10make_eventERKNS0_7contextEj";
constexpr const char* kSignal =
    "_ZN4sycl3_V13ext6oneapi12experimental20enqueue_signal_eventENS0_5queueERNS0_5eventE";
constexpr const char* kGetHandle =
    "_ZN4sycl3_V13ext6oneapi12experimental3ipc5event3getERKNS0_5eventE";
constexpr const char* kOpenHandle =
    "_ZN4sycl3_V16detail18openIPCEventHandleEPKSt4bytemRKNS0_7contextE";

template <typename Function>
Function* find_newer(const char* name) {
  auto* const found = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
  if (!found) {
    throw Error(std::string("XPU event: the libsycl of this process lacks ") + name +
                ", which events between processes need. intel-sycl-rt 2026.2 has it.");
  }
  return found;
}

bool are_there() {
  for (const char* name : {kMakeEvent, kSignal, kGetHandle, kOpenHandle})
    if (!dlsym(RTLD_DEFAULT, name)) return false;
  return true;
}

}  // namespace

bool can_share_events(const sycl::device& device) {
  static const bool known = are_there();
  return known && device.has(sycl::aspect::ext_oneapi_ipc_event);
}

sycl::event make_signal(const sycl::context& context, bool between_processes) {
  return translate_errors("making an event that can be signalled", [&] {
    const auto make = find_newer<decltype(oneapi::detail::make_event)>(kMakeEvent);
    constexpr std::uint32_t shared = oneapi::detail::make_event_flag_enable_ipc;
    return make(context, between_processes ? shared : 0U);
  });
}

void signal_behind(sycl::queue& queue, sycl::event& signal) {
  translate_errors("signalling", [&] {
    find_newer<decltype(oneapi::enqueue_signal_event)>(kSignal)(queue, signal);
  });
}

std::string handle_of(const sycl::event& signal) {
  return translate_errors("getting the handle of an event", [&] {
    const auto get = find_newer<decltype(oneapi::ipc::event::get)>(kGetHandle);
    const auto bytes = get(signal).data();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
}

sycl::event open_handle(std::string_view handle, const sycl::context& context) {
  return translate_errors("opening the handle of an event", [&] {
    std::vector<std::byte> bytes(handle.size());
    std::transform(handle.begin(), handle.end(), bytes.begin(),
                   [](char each) { return static_cast<std::byte>(each); });
    const auto open = find_newer<decltype(sycl::detail::openIPCEventHandle)>(kOpenHandle);
    return open(bytes.data(), bytes.size(), context);
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
