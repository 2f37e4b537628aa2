#include "event/device_event.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/user_event.h"

namespace xpu_event {
namespace {

constexpr auto kPollInterval = std::chrono::microseconds(50);

bool is_complete(const sycl::event& event) {
  return event.get_info<sycl::info::event::command_execution_status>() ==
         sycl::info::event_command_status::complete;
}

// One thread that looks at events of others and completes the pending events that follow them. It
// polls, because a thread that waits for one event would miss another, and could not be stopped at
// exit.
class Follower {
 public:
  // Leaked, and stopped while the SYCL runtime is still up.
  static Follower& instance() {
    static auto* follower = [] {
      auto* made = new Follower;
      std::atexit([] { instance().stop(); });
      return made;
    }();
    return *follower;
  }

  // An event of `context` that becomes complete when `event` does.
  sycl::event follow(const sycl::event& event, const sycl::context& context) {
    std::list<Followed> added;
    added.emplace_back(event, context);
    sycl::event pending_event = added.front().pending_event.as_sycl(context);
    const std::lock_guard lock(mutex_);
    if (!stopping_) pending_.splice(pending_.end(), added);
    pending_changed_.notify_one();
    return pending_event;
  }

 private:
  struct Followed {
    Followed(sycl::event followed, const sycl::context& context)
        : event(std::move(followed)), pending_event(context) {}
    sycl::event event;
    UserEvent pending_event;
  };

  Follower() : thread_([this] { run(); }) {}

  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      pending_changed_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
      auto finished = take_finished();
      lock.unlock();
      finished.clear();  // completes the pending events, without the lock
      std::this_thread::sleep_for(kPollInterval);
      lock.lock();
    }
  }

  std::list<Followed> take_finished() {
    std::list<Followed> finished;
    for (auto each = pending_.begin(); each != pending_.end();) {
      const auto current = each++;
      if (is_over(current->event)) finished.splice(finished.end(), pending_, current);
    }
    return finished;
  }

  // An event that can no longer be asked must not hold anything back.
  static bool is_over(const sycl::event& event) noexcept {
    try {
      return is_complete(event);
    } catch (const sycl::exception&) {
      return true;
    }
  }

  void stop() {
    if (process_ != getpid()) return;  // a forked child has no such thread
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    pending_changed_.notify_one();
    thread_.join();
    pending_.clear();
  }

  std::mutex mutex_;
  std::condition_variable pending_changed_;
  std::list<Followed> pending_;
  bool stopping_ = false;
  pid_t process_ = getpid();
  std::thread thread_;  // last: it uses the rest
};

}  // namespace

sycl::event on_device(const sycl::event& event, const sycl::queue& queue) {
  return translate_errors("taking an event of another library", [&] {
    const bool is_opencl = queue.get_backend() == sycl::backend::opencl;
    if (!is_opencl || is_complete(event)) return event;
    return Follower::instance().follow(event, queue.get_context());
  });
}

}  // namespace xpu_event
