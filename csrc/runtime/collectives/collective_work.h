#pragma once

#include <ATen/core/ivalue.h>
#include <c10/core/Event.h>
#include <c10/xpu/XPUStream.h>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include <exception>
#include <vector>

namespace xpu_runtime {

/// How far a collective is, and what it failed with. Shared by all who start it, complete it and
/// wait for it, on any thread; knows nothing that Python knows.
using Progress = c10::intrusive_ptr<c10::ivalue::Future>;

/// What a program gets for a collective on device memory: waiting for it makes the current stream
/// wait, not the host. A failure is thrown by the next synchronisation of a stream that waited,
/// and by the next collective of the group.
class CollectiveWork final : public c10d::Work {
 public:
  /// Args:
  ///   stream: the collective's own; everything on it so far belongs to the collective.
  CollectiveWork(Progress progress, const c10::xpu::XPUStream& stream,
                 std::vector<at::Tensor> outputs);

  bool isCompleted() override { return progress_->completed(); }
  [[nodiscard]] bool isSuccess() const override { return progress_->hasValue(); }
  [[nodiscard]] std::exception_ptr exception() const override { return progress_->exception_ptr(); }
  std::vector<at::Tensor> result() override { return outputs_; }

  void synchronize() override;
  void blockCurrentStream() override { synchronize(); }
  /// The host waits too where a timeout is given, as with other backends of devices.
  bool wait(std::chrono::milliseconds timeout) override;

  /// Complete at once, in the order of the stream: waiting for it makes the current stream wait.
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future_; }

 private:
  Progress progress_;
  c10::Event end_{c10::kXPU};
  std::vector<at::Tensor> outputs_;
  c10::intrusive_ptr<c10::ivalue::Future> future_;
};

}  // namespace xpu_runtime
