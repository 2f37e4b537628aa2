#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xpu_event::testing {

/// One thread of a stress driver: its random numbers, and when it ends.
class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  Worker(int index, unsigned seed, Clock::time_point end, std::atomic<bool>& failed)
      : index_(index), random_(seed), end_(end), failed_(&failed) {}

  [[nodiscard]] int index() const noexcept { return index_; }
  [[nodiscard]] int below(int limit) {
    return std::uniform_int_distribution<int>(0, limit - 1)(random_);
  }
  template <class T>
  [[nodiscard]] T& one_of(std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(below(static_cast<int>(choices.size())))];
  }
  /// Whether to go on: the time is not over and no thread has failed.
  [[nodiscard]] bool goes_on() const { return !failed_->load() && Clock::now() < end_; }

  /// Raises:
  ///   std::logic_error: `what`, when it does not hold; the driver then fails.
  static void expect(bool holds, const char* what);

 private:
  int index_;
  std::mt19937 random_;
  Clock::time_point end_;
  std::atomic<bool>* failed_;
};

/// Something that a thread does over and over.
struct Action {
  std::string name;
  std::function<void(Worker&)> run;
};

/// Runs random actions on several threads until the time is over, and prints how often each ran.
///
/// Args:
///   argc, argv: of main: `[seconds] [seed] [threads]`.
///   actions: may throw, which fails the driver.
///
/// Returns:
///   The exit status.
int run_stress(int argc, char** argv, std::vector<Action> actions);

/// A place that threads put objects into and take them from. The object is shared: a thread that
/// has a reference uses it, and the last one to drop it destroys it.
template <class T>
class Slot {
 public:
  [[nodiscard]] std::shared_ptr<T> get() {
    const std::lock_guard lock(mutex_);
    return object_;
  }
  /// Returns what was there, to be dropped by the caller.
  std::shared_ptr<T> exchange(std::shared_ptr<T> object) {
    const std::lock_guard lock(mutex_);
    return std::exchange(object_, std::move(object));
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<T> object_;
};

}  // namespace xpu_event::testing
