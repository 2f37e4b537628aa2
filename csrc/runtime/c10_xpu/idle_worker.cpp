#include <c10/xpu/XPUFunctions.h>

#include <memory>
#include <utility>

#include "runtime/c10_xpu/clean_dispatch.h"
#include "runtime/c10_xpu/kernel_threads.h"
#include "runtime/c10_xpu/opencl.h"

namespace xpu_runtime {
namespace {

using Work = std::function<void()>;

// Out of order, and not a stream's. Leaked, because late work may still be in it at exit.
const std::optional<cl_command_queue>& queue_of_offers() {
  static auto* queue = new sycl::queue(c10::xpu::get_device_context(), c10::xpu::get_raw_device(0));
  static const auto native = native_kernel_queue(*queue);
  return native;
}

void CL_CALLBACK run_offer(void* argument) {
  const std::unique_ptr<Work> work(*static_cast<Work**>(argument));
  const CleanDispatch dispatch;
  const SingleKernelThread threads;
  (*work)();
}

}  // namespace

bool offer_to_idle_worker(Work work) {
  const auto& queue = queue_of_offers();
  if (!queue) return false;
  auto kept = std::make_unique<Work>(std::move(work));
  Work* pointer = kept.get();
  enqueue_native_kernel(*queue, &run_offer, static_cast<void*>(&pointer), sizeof(Work*));
  [[maybe_unused]] auto* taken_over = kept.release();
  return true;
}

}  // namespace xpu_runtime
