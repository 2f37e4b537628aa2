#pragma once

#include <c10/xpu/XPUStream.h>

namespace xpu_runtime {

/// Makes later work of `waiting` run after everything that `awaited` was given so far. Never blocks
/// the host.
void wait_for(const c10::xpu::XPUStream& waiting, const c10::xpu::XPUStream& awaited);

}  // namespace xpu_runtime
