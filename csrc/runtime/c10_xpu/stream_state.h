#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/macros/Macros.h>
#include <c10/xpu/XPUStream.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <limits>
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

  /// Keeps the error of a task until the next synchronisation.
  void keep_error(std::uint64_t task, std::exception_ptr error);

  std::atomic<std::uint64_t> submitted{0};
  // SYCL does not see native commands when asked whether its queue is empty.
  std::atomic<std::int64_t> pending{0};
  std::atomic<int> submitting{0};
  std::atomic<int> asking{0};
  std::mutex errors_mutex;
  std::deque<TaskError> errors;
};

/// What the runtime knows of one stream. Lives for ever at one address, so hot paths keep pointers.
struct StreamState {
  /// Args:
  ///   progress: of the queue; shared by all streams of that queue.
  StreamState(const c10::Stream& handle, int priority, sycl::queue queue,
              std::shared_ptr<QueueProgress> progress);
  C10_DISABLE_COPY_AND_ASSIGN(StreamState);
  ~StreamState() = default;

  [[nodiscard]] c10::DeviceIndex device() const noexcept { return handle.device_index(); }

  /// Counts a task in and returns its number, from 1 on.
  std::uint64_t task_submitted() noexcept;
  void task_finished() noexcept { progress->pending.fetch_sub(1, std::memory_order_acq_rel); }

  /// Rethrows the oldest kept error, if any; of the first `tasks` tasks only.
  void rethrow_error(std::uint64_t tasks = std::numeric_limits<std::uint64_t>::max());

  /// Whether all work is complete; work that is being submitted is not.
  [[nodiscard]] bool is_idle() const;
  /// Waits for all work. Rethrows nothing of the runtime's own.
  void wait();

  const c10::Stream handle;
  const int priority;
  sycl::queue queue;
  const std::optional<cl_command_queue> native;
  const std::shared_ptr<QueueProgress> progress;
};

/// The state of a stream; throws if the id was never handed out. No lock except for external
/// streams.
[[nodiscard]] StreamState& state_of(const c10::xpu::XPUStream& stream);

/// The streams of a device that were used so far, external ones included, also those whose address
/// another queue has by now.
[[nodiscard]] std::vector<StreamState*> used_streams(c10::DeviceIndex device);

/// From here on, the end of the process prints the errors of tasks that nobody waited for, and
/// turns an exit status of 0 into 1. For when there is a queue: so it runs before SYCL shuts down.
void report_unseen_errors_at_exit();

}  // namespace xpu_runtime
