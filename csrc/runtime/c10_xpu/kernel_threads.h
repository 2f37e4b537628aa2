#pragma once

#include <c10/macros/Macros.h>

#include <functional>

#include "runtime/c10_xpu/export.h"

namespace xpu_runtime {

/// A task that runs: OpenMP teams of its thread, and MKL, have one member.
///
/// Otherwise every worker of the OpenCL runtime would start its own team, which makes a small
/// matmul a thousand times slower.
class XPU_RUNTIME_API SingleKernelThread {
 public:
  SingleKernelThread();
  ~SingleKernelThread();
  C10_DISABLE_COPY_AND_ASSIGN(SingleKernelThread);

 private:
  int previous_;
  int previous_mkl_ = 0;  // 0: as for the whole process
};

/// How many further threads the running task may use: none while other tasks run.
[[nodiscard]] XPU_RUNTIME_API int spare_threads() noexcept;

/// Has an idle worker of the device run `work`, soon or much later. `work` throws nothing.
///
/// An extra thread would share its processor with that worker, which never stops looking for work.
///
/// Returns:
///   Whether the device can do that.
XPU_RUNTIME_API bool offer_to_idle_worker(std::function<void()> work);

}  // namespace xpu_runtime
