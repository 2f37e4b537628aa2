#pragma once

#include <c10/macros/Export.h>

namespace xpu_runtime {

/// Marks the process as one that uses the device: a child forked from here on must not.
///
/// Finding devices does not count: a fork between import and first use leaves both sides working.
C10_EXPORT void note_device_use();

/// Whether this process was forked from one that used the device.
[[nodiscard]] C10_EXPORT bool in_bad_fork() noexcept;

/// Throws in such a process: its copy of the SYCL runtime has lost its threads and would hang.
C10_EXPORT void check_not_forked();

}  // namespace xpu_runtime
