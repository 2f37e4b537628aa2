#pragma once

#include <c10/core/Event.h>
#include <c10/xpu/XPUStream.h>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "event/latch.h"
#include "runtime/collectives/collective_group.h"

namespace xpu_runtime {

/// How far a collective is. Shared by all who start it, complete it and wait for it, on any thread;
/// knows nothing that Python knows.
class Progress {
 public:
  explicit Progress(std::shared_ptr<GroupError> group_error)
      : group_error_(std::move(group_error)) {}

  /// Holds a stream back until finish(); releases it at once if that was already called.
  void hold(xpu_event::Latch latch);

  /// Args:
  ///   error: what the collective failed with, or null.
  void finish(const std::exception_ptr& error);

  [[nodiscard]] bool is_finished() const;
  /// Of a collective that failed; null otherwise.
  [[nodiscard]] std::exception_ptr error() const;

  /// The host waits; a `timeout` of 0 means for ever. Waits with neither the GIL nor a lock held.
  /// Throws what the collective failed with, or that the time is over.
  void wait(std::chrono::milliseconds timeout) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool finished_ = false;
  std::exception_ptr error_;
  std::optional<xpu_event::Latch> latch_;
  std::shared_ptr<GroupError> group_error_;
};

/// What a program gets for a collective on device memory: waiting for it makes the current stream
/// wait, not the host. A failure is thrown by the next synchronisation of a stream that waited,
/// and by the next collective of the group.
class CollectiveWork final : public c10d::Work {
 public:
  /// Args:
  ///   stream: the collective's own; everything on it so far belongs to the collective.
  CollectiveWork(std::shared_ptr<Progress> progress, const c10::xpu::XPUStream& stream,
                 std::vector<at::Tensor> outputs);

  bool isCompleted() override { return progress_->is_finished(); }
  [[nodiscard]] bool isSuccess() const override;
  [[nodiscard]] std::exception_ptr exception() const override { return progress_->error(); }
  std::vector<at::Tensor> result() override { return outputs_; }

  void synchronize() override;
  void blockCurrentStream() override { synchronize(); }
  /// The host waits too where a timeout is given, as with other backends of devices.
  bool wait(std::chrono::milliseconds timeout) override;

  /// Complete at once, in the order of the stream: waiting for it makes the current stream wait.
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future_; }

 private:
  std::shared_ptr<Progress> progress_;
  c10::Event end_{c10::kXPU};
  std::vector<at::Tensor> outputs_;
  c10::intrusive_ptr<c10::ivalue::Future> future_;
};

}  // namespace xpu_runtime
