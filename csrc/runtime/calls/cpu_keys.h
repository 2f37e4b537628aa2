#pragma once

#include <c10/core/DispatchKeySet.h>

namespace xpu_runtime {

/// Where the work of a task goes: straight to the CPU kernel, no other key has a say.
inline constexpr c10::DispatchKeySet kCpuKeys{c10::DispatchKey::CPU};

}  // namespace xpu_runtime
