#include <c10/xpu/impl/XPUGuardImpl.h>

#include "event/device_event.h"
#include "runtime/backend/guard.h"
#include "stream_ids/stream_ids.h"

namespace xpu_runtime {

void register_upstream_guard() {
  xpu_stream_ids::number_as_upstream();
  c10::impl::registerDeviceGuard(c10::kXPU, new c10::xpu::impl::XPUGuardImpl());
}

const xpu_event::NativeEvents& upstream_native_events() {
  static constexpr xpu_event::NativeEvents events{
      .share = [](void* recording) { return *static_cast<sycl::event*>(recording); },
      .adopt =
          [](void* recording, const sycl::event& event, int device_index) {
            const auto device = static_cast<c10::DeviceIndex>(device_index);
            *static_cast<sycl::event*>(recording) =
                xpu_event::on_device(event, c10::xpu::getCurrentXPUStream(device).queue());
          }};
  return events;
}

}  // namespace xpu_runtime
