#include "runtime/calls/split.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>

#include "runtime/c10_xpu/kernel_threads.h"

namespace xpu_runtime {
namespace {

// Handing work over costs some ten microseconds, so much work a millisecond.
constexpr double kWorthAThread = 1 << 24;

using Part = c10::function_ref<void(std::int64_t begin, std::int64_t count)>;

/// Parts, each computed by the first thread to claim it. A thread that comes too late finds none;
/// it may come long after the call has returned. So `part` is touched for a claimed part only, and
/// the call waits for those.
class Parts {
 public:
  Parts(std::int64_t rows, std::int64_t parts, Part part)
      : rows_(rows), parts_(parts), part_(part) {}

  void compute() noexcept {
    for (auto i = next_.fetch_add(1); i < parts_; i = next_.fetch_add(1)) {
      try {
        part_(begin_of(i), begin_of(i + 1) - begin_of(i));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        error_ = error_ ? error_ : std::current_exception();
      }
      if (finished_.fetch_add(1) + 1 == parts_) finished_.notify_all();
    }
  }

  void wait() {
    for (auto finished = finished_.load(); finished < parts_; finished = finished_.load())
      finished_.wait(finished);
    if (error_) std::rethrow_exception(error_);
  }

 private:
  [[nodiscard]] std::int64_t begin_of(std::int64_t i) const { return rows_ * i / parts_; }

  std::int64_t rows_;
  std::int64_t parts_;
  Part part_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::int64_t> finished_{0};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

void in_parts(std::int64_t rows, double multiplications, Part part) {
  const auto worth = static_cast<std::int64_t>(multiplications / kWorthAThread);
  const auto count = std::min({rows, worth, std::int64_t{1} + spare_threads()});
  if (count <= 1) {
    part(0, rows);
    return;
  }
  const auto parts = std::make_shared<Parts>(rows, count, part);
  for (std::int64_t i = 1; i < count && offer_to_idle_worker([parts] { parts->compute(); }); ++i) {
  }
  parts->compute();
  parts->wait();
}

}  // namespace xpu_runtime
