#include "runtime/c10_xpu/stream_state.h"

#include <c10/util/ScopeExit.h>

#include <thread>
#include <utility>

#include "event/error.h"
#include "runtime/c10_xpu/host_wait.h"
#include "runtime/c10_xpu/order_log.h"

namespace xpu_runtime {
namespace {

// A loop in which every task fails must not fill the memory before it synchronises.
constexpr std::size_t kMaxKeptErrors = 64;

}  // namespace

void QueueProgress::keep_error(std::uint64_t task, std::exception_ptr error) {
  const std::lock_guard lock(errors_mutex);
  if (errors.size() < kMaxKeptErrors) errors.push_back({task, std::move(error)});
}

StreamState::StreamState(const c10::Stream& handle, int priority, sycl::queue queue,
                         std::shared_ptr<QueueProgress> progress)
    : handle(handle),
      priority(priority),
      queue(std::move(queue)),
      native(native_kernel_queue(this->queue)),
      progress(std::move(progress)) {}

std::uint64_t StreamState::task_submitted() noexcept {
  progress->pending.fetch_add(1, std::memory_order_relaxed);
  return progress->submitted.fetch_add(1, std::memory_order_relaxed) + 1;
}

void StreamState::rethrow_error(std::uint64_t tasks) {
  const std::lock_guard lock(progress->errors_mutex);
  auto& errors = progress->errors;
  if (errors.empty() || errors.front().task > tasks) return;
  const auto error = std::move(errors.front().error);
  errors.pop_front();
  std::rethrow_exception(error);
}

bool StreamState::is_idle() const {
  if (progress->pending.load() != 0) return false;
  progress->asking.fetch_add(1);
  const auto asked = c10::make_scope_exit([this] { progress->asking.fetch_sub(1); });
  if (progress->submitting.load() != 0) return false;
  // SYCL asks for the status of the last event. If that is of a submission past this runtime, it
  // may not have a native event yet, which is an error that is gone a moment later.
  constexpr int kAttempts = 1000;
  for (int i = 1; i < kAttempts; ++i) {
    try {
      return queue.ext_oneapi_empty();
    } catch (const sycl::exception&) {
      std::this_thread::yield();
    }
  }
  return xpu_event::translate_errors("querying a stream",
                                     [this] { return queue.ext_oneapi_empty(); });
}

void StreamState::wait() {
  const HostWait without_gil;
  xpu_event::translate_errors("waiting for a stream", [this] { queue.wait_and_throw(); });
  if (native && progress->pending.load() != 0) finish_native_queue(*native);
  if (order_log::enabled()) [[unlikely]]
    order_log::add_bare({.op = order_log::Op::finish_stream, .stream = handle});
}

}  // namespace xpu_runtime
