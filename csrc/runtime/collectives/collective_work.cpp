#include "runtime/collectives/collective_work.h"

#include <c10/core/StreamGuard.h>

#include <future>
#include <memory>
#include <utility>

#include "runtime/c10_xpu/host_wait.h"
#include "runtime/c10_xpu/task_queue.h"

namespace xpu_runtime {
namespace {

using c10::ivalue::Future;
using c10::xpu::XPUStream;

c10::intrusive_ptr<Future> completed_on(const XPUStream& stream,
                                        const std::vector<at::Tensor>& outputs) {
  auto future = c10::make_intrusive<Future>(c10::ListType::create(c10::TensorType::get()),
                                            std::vector<c10::Device>{stream.device()});
  const c10::StreamGuard guard(stream.unwrap());
  future->markCompleted(c10::IValue(outputs));
  return future;
}

// Throws what the collective failed with, or that the time is over.
void wait_on_host(Future& progress, std::chrono::milliseconds timeout) {
  // A Future alone has no timeout. The system's clock: glibc 2.28 cannot wait by the steady one.
  const auto end = std::chrono::system_clock::now() + timeout;
  const auto finished = std::make_shared<std::promise<void>>();
  progress.addCallback([finished](Future&) { finished->set_value(); }, /*uses_future=*/false);
  const HostWait waiting;
  TORCH_CHECK_WITH(DistBackendError,
                   finished->get_future().wait_until(end) == std::future_status::ready,
                   "A collective did not complete within ", timeout.count(),
                   " ms. Did every rank call it, and does its stream get there?");
  progress.waitAndThrow();
}

}  // namespace

CollectiveWork::CollectiveWork(Progress progress, const XPUStream& stream,
                               std::vector<at::Tensor> outputs)
    : progress_(std::move(progress)),
      outputs_(std::move(outputs)),
      future_(completed_on(stream, outputs_)) {
  end_.record(stream.unwrap());
}

void CollectiveWork::synchronize() {
  const auto stream = c10::xpu::getCurrentXPUStream(end_.device_index());
  end_.block(stream.unwrap());
  // Without a name: no work of the program, for its logs.
  enqueue(stream, nullptr, [progress = progress_] {
    if (const auto error = progress->exception_ptr()) std::rethrow_exception(error);
  });
}

bool CollectiveWork::wait(std::chrono::milliseconds timeout) {
  if (timeout != kNoTimeout) wait_on_host(*progress_, timeout);
  synchronize();
  return true;
}

}  // namespace xpu_runtime
