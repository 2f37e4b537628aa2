#include "runtime/c10_xpu/stream_state.h"

#include <thread>
#include <utility>

#include "event/error.h"
#include "runtime/c10_xpu/host_wait.h"
#include "runtime/c10_xpu/order_log.h"

namespace xpu_runtime {
namespace {

// A loop in which every task fails must not fill the memory before it synchronises.
constexpr std::size_t kMaxKeptErrors = 64;

// Counts a thread in for as long as it lives.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) noexcept : count_(count) { count_.fetch_add(1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  Counted(Counted&&) = delete;
  Counted& operator=(Counted&&) = delete;
  ~Counted() { count_.fetch_sub(1); }

 private:
  std::atomic<int>& count_;
};

}  // namespace

StreamState::StreamState(c10::DeviceIndex device, c10::StreamId id, int priority, sycl::queue queue,
                         const StreamState* same_queue)
    : device_(device),
      id_(id),
      priority_(priority),
      queue_(std::move(queue)),
      native_(native_kernel_queue(queue_)),
      progress_(same_queue ? same_queue->progress_ : std::make_shared<QueueProgress>()) {}

sycl::async_handler StreamState::async_handler(std::shared_ptr<std::atomic<StreamState*>> target) {
  return [target = std::move(target)](const sycl::exception_list& errors) {
    auto* state = target->load();
    if (!state) return;
    for (const auto& error : errors) state->keep_error(state->submitted(), error);
  };
}

std::uint64_t StreamState::task_submitted() noexcept {
  progress_->pending.fetch_add(1, std::memory_order_relaxed);
  return progress_->submitted.fetch_add(1, std::memory_order_relaxed) + 1;
}

void StreamState::keep_error(std::uint64_t task, std::exception_ptr error) {
  const std::lock_guard lock(progress_->errors_mutex);
  if (progress_->errors.size() >= kMaxKeptErrors) return;
  progress_->errors.push_back({task, std::move(error)});
  progress_->has_errors.store(true);
}

std::exception_ptr StreamState::take_error(std::uint64_t tasks) {
  if (!progress_->has_errors.load()) return nullptr;
  const std::lock_guard lock(progress_->errors_mutex);
  if (progress_->errors.empty() || progress_->errors.front().task > tasks) return nullptr;
  auto error = std::move(progress_->errors.front().error);
  progress_->errors.pop_front();
  progress_->has_errors.store(!progress_->errors.empty());
  return error;
}

void StreamState::rethrow_error(std::uint64_t tasks) {
  if (auto error = take_error(tasks)) std::rethrow_exception(error);
}

// A thread that asks announces that before it looks for one that submits, and the other way round.
// So one of the two sees the other.
void StreamState::begin_submission() noexcept {
  progress_->submitting.fetch_add(1);
  while (progress_->asking.load() != 0) std::this_thread::yield();
}

bool StreamState::is_idle() const {
  if (has_pending_tasks()) return false;
  const Counted asking(progress_->asking);
  if (progress_->submitting.load() != 0) return false;
  // SYCL asks for the status of the last event. If that is of a submission past this runtime, it
  // may not have a native event yet, which is an error that is gone a moment later.
  constexpr int kAttempts = 1000;
  for (int i = 1; i < kAttempts; ++i) {
    try {
      return queue_.ext_oneapi_empty();
    } catch (const sycl::exception&) {
      std::this_thread::yield();
    }
  }
  return xpu_event::translate_errors("querying a stream",
                                     [this] { return queue_.ext_oneapi_empty(); });
}

void StreamState::wait() {
  const HostWait without_gil;
  xpu_event::translate_errors("waiting for a stream", [this] { queue_.wait_and_throw(); });
  if (native_ && has_pending_tasks()) check_opencl(opencl().finish(*native_), "clFinish");
  if (order_log::enabled()) [[unlikely]]
    log_finished();
}

void StreamState::log_finished() const {
  order_log::add_bare({.op = order_log::Op::finish_stream, .device = device_, .stream = id_});
}

}  // namespace xpu_runtime
