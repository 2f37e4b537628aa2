#include "runtime/collectives/collective_work.h"

#include <c10/core/StreamGuard.h>

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

}  // namespace

void Progress::hold(xpu_event::Latch latch) {
  const std::lock_guard lock(mutex_);
  if (!finished_) latch_ = std::move(latch);
}

void Progress::finish(const std::exception_ptr& error) {
  if (error) group_error_->keep(error);
  std::optional<xpu_event::Latch> latch;  // released without the lock
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    error_ = error;
    latch.swap(latch_);
  }
  changed_.notify_all();
}

bool Progress::is_finished() const {
  const std::lock_guard lock(mutex_);
  return finished_;
}

std::exception_ptr Progress::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void Progress::wait(std::chrono::milliseconds timeout) const {
  const HostWait waiting;
  std::unique_lock lock(mutex_);
  const auto finished = [this] { return finished_; };
  if (timeout == kNoTimeout)
    changed_.wait(lock, finished);
  else
    TORCH_CHECK_WITH(DistBackendError, changed_.wait_for(lock, timeout, finished),
                     "A collective did not complete within ", timeout.count(),
                     " ms. Did every rank call it, and does its stream get there?");
  if (error_) std::rethrow_exception(error_);
}

CollectiveWork::CollectiveWork(std::shared_ptr<Progress> progress, const XPUStream& stream,
                               std::vector<at::Tensor> outputs)
    : progress_(std::move(progress)),
      outputs_(std::move(outputs)),
      future_(completed_on(stream, outputs_)) {
  end_.record(stream.unwrap());
}

bool CollectiveWork::isSuccess() const { return progress_->is_finished() && !exception(); }

void CollectiveWork::synchronize() {
  const auto stream = c10::xpu::getCurrentXPUStream(end_.device_index());
  end_.block(stream.unwrap());
  // Without a name: no work of the program, for its logs.
  enqueue(stream, nullptr, [progress = progress_] {
    if (const auto error = progress->error()) std::rethrow_exception(error);
  });
}

bool CollectiveWork::wait(std::chrono::milliseconds timeout) {
  if (timeout != kNoTimeout) progress_->wait(timeout);
  synchronize();
  return true;
}

}  // namespace xpu_runtime
