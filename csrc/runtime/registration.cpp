#include "runtime/registration.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/xpu/XPUCachingAllocator.h>

#include "runtime/backend/autograd_engine.h"
#include "runtime/backend/guard.h"
#include "runtime/backend/hooks.h"
#include "runtime/backend/pinned_memory.h"
#include "runtime/calls/boxed_kernel.h"
#include "runtime/profiling/profiler.h"

namespace xpu_runtime {

void register_backend(const RegistrationOptions& options) {
  TORCH_CHECK(!c10::impl::hasDeviceGuardImpl(c10::kXPU),
              "This torch has an xpu backend already; a second one would replace parts of it.");
  if (options.hide_cuda) hide_cuda();
  register_hooks();
  options.upstream_guard ? register_upstream_guard() : register_guard();
  c10::SetAllocator(c10::kXPU, c10::xpu::XPUCachingAllocator::get());
  at::setHostAllocator(c10::kXPU, pinned_allocator());
  register_boxed_kernel();
  ensure_autograd_threads();
  register_profiler();
}

}  // namespace xpu_runtime
