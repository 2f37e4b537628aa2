#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/xpu/XPUStream.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <sycl/sycl.hpp>

#include "runtime/c10_xpu/opencl.h"

namespace xpu_runtime {

/// What was submitted to a queue, and what went wrong there.
struct QueueProgress {
  struct TaskError {
    std::uint64_t task;
    std::exception_ptr error;
  };

  std::atomic<std::uint64_t> submitted{0};
  // SYCL does not see native commands when asked whether its queue is empty.
  std::atomic<std::int64_t> pending{0};
  std::atomic<int> submitting{0};
  std::atomic<int> asking{0};
  std::atomic<bool> has_errors{false};
  std::mutex errors_mutex;
  std::deque<TaskError> errors;
};

/// What the runtime knows of one stream. Lives for ever at one address, so hot paths keep pointers.
class StreamState {
 public:
  /// Args:
  ///   same_queue: another stream of this queue, or null.
  StreamState(c10::DeviceIndex device, c10::StreamId id, int priority, sycl::queue queue,
              const StreamState* same_queue = nullptr);
  StreamState(const StreamState&) = delete;
  StreamState& operator=(const StreamState&) = delete;
  StreamState(StreamState&&) = delete;
  StreamState& operator=(StreamState&&) = delete;
  ~StreamState() = default;

  /// The async handler of a stream's queue has to exist before the stream's state does.
  static sycl::async_handler async_handler(std::shared_ptr<std::atomic<StreamState*>> target);

  [[nodiscard]] c10::DeviceIndex device() const noexcept { return device_; }
  [[nodiscard]] c10::StreamId id() const noexcept { return id_; }
  [[nodiscard]] int priority() const noexcept { return priority_; }
  [[nodiscard]] sycl::queue& queue() noexcept { return queue_; }
  [[nodiscard]] const std::optional<cl_command_queue>& native() const noexcept { return native_; }

  /// Counts a task in and returns its number, from 1 on.
  std::uint64_t task_submitted() noexcept;
  void task_finished() noexcept { progress_->pending.fetch_sub(1, std::memory_order_acq_rel); }
  [[nodiscard]] std::uint64_t submitted() const noexcept { return progress_->submitted.load(); }
  [[nodiscard]] bool has_pending_tasks() const noexcept { return progress_->pending.load() != 0; }

  /// Keeps the error of a task until the next synchronisation.
  void keep_error(std::uint64_t task, std::exception_ptr error);
  /// Rethrows the oldest kept error of the first `tasks` tasks, if any.
  void rethrow_error(std::uint64_t tasks);
  /// The oldest kept error, no longer kept.
  [[nodiscard]] std::exception_ptr take_error(std::uint64_t tasks);

  /// Brackets a submission through SYCL. Meanwhile is_idle() does not ask the queue, because that
  /// would read the last event of the queue, which the submission replaces.
  void begin_submission() noexcept;
  void end_submission() noexcept { progress_->submitting.fetch_sub(1); }

  /// Whether all work is complete; work that is being submitted is not.
  [[nodiscard]] bool is_idle() const;
  /// Waits for all work. Rethrows nothing of the runtime's own.
  void wait();
  /// Notes in the order log that the host knows all work to be complete.
  void log_finished() const;

 private:
  c10::DeviceIndex device_;
  c10::StreamId id_;
  int priority_;
  sycl::queue queue_;
  std::optional<cl_command_queue> native_;
  std::shared_ptr<QueueProgress> progress_;  // of all streams of the queue
};

/// The state of a stream; throws if the id was never handed out. No lock except for external
/// streams.
[[nodiscard]] StreamState& state_of(const c10::xpu::XPUStream& stream);
[[nodiscard]] StreamState& state_of(c10::DeviceIndex device, c10::StreamId id);

/// The streams of a device that were used so far, external ones included, also those whose address
/// another queue has by now.
[[nodiscard]] std::vector<StreamState*> used_streams(c10::DeviceIndex device);

}  // namespace xpu_runtime
