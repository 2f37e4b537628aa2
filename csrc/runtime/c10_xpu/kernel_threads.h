#pragma once

#include <c10/macros/Macros.h>

#include <functional>

namespace xpu_runtime {

/// A task that runs: OpenMP teams of its thread, and MKL, have one member.
///
/// Otherwise every worker of the OpenCL runtime would start its own team, which makes a small
/// matmul a thousand times slower.
class C10_EXPORT SingleKernelThread {
 public:
  SingleKernelThread();
  ~SingleKernelThread();
  C10_DISABLE_COPY_AND_ASSIGN(SingleKernelThread);

 private:
  int previous_;
  int previous_mkl_ = 0;  // 0: as for the whole process
};

/// How many further threads the running task may use: none while other tasks run.
[[nodiscard]] C10_EXPORT int spare_threads() noexcept;

/// Has an idle worker of the device run `work`, soon or much later. `work` throws nothing.
///
/// An extra thread would share its processor with that worker, which never stops looking for work.
///
/// Returns:
///   Whether the device can do that.
C10_EXPORT bool offer_to_idle_worker(std::function<void()> work);

}  // namespace xpu_runtime
