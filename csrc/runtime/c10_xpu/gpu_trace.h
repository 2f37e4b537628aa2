#pragma once

#include <c10/core/impl/GPUTrace.h>
#include <c10/xpu/XPUStream.h>

#include <cstdint>

namespace xpu_runtime {

using GpuTrace = c10::impl::PyInterpreterVTable;

inline std::uintptr_t gpu_trace_id(const void* object) {
  return reinterpret_cast<std::uintptr_t>(object);
}
inline std::uintptr_t gpu_trace_id(const c10::xpu::XPUStream& stream) {
  return gpu_trace_id(&stream.queue());
}

/// Tells torch's GPU trace (torch.utils._python_dispatch, CUDA sanitizer) what happens to events,
/// streams and memory; takes the interpreter lock, so no lock may be held.
template <class... Ids, class... Objects>
void gpu_trace(void (GpuTrace::*callback)(c10::DeviceType, Ids...) const,
               const Objects&... objects) {
  if (const auto* interpreter = c10::impl::GPUTrace::get_trace())
    ((**interpreter).*callback)(c10::kXPU, gpu_trace_id(objects)...);
}

}  // namespace xpu_runtime
