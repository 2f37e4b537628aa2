#include <c10/xpu/impl/XPUGuardImpl.h>

#include "runtime/guard.h"

namespace xpu_runtime {

void register_upstream_guard() {
  c10::impl::registerDeviceGuard(c10::kXPU, new c10::xpu::impl::XPUGuardImpl());
}

}  // namespace xpu_runtime
