#pragma once

#include "runtime/c10_xpu/export.h"

namespace xpu_runtime {

/// Marks the process as one that uses the device: a child forked from here on must not.
///
/// Finding devices does not count: a fork between import and first use leaves both sides working.
void note_device_use();

/// Whether this process was forked from one that used the device.
[[nodiscard]] XPU_RUNTIME_API bool in_bad_fork() noexcept;

/// Throws in such a process: its copy of the SYCL runtime has lost its threads and would hang.
XPU_RUNTIME_API void check_not_forked();

}  // namespace xpu_runtime
