#include "event/latch.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/user_event.h"
#include "event/xpu_event.h"

namespace xpu_event {
namespace {

class UserEventHold final : public Latch::Hold {
 public:
  explicit UserEventHold(sycl::queue& queue) : event_(queue.get_context()) {
    wait_for(queue, event_.as_sycl(queue.get_context()));
  }

 private:
  UserEvent event_;
};

class HostTaskHold final : public Latch::Hold {
 public:
  explicit HostTaskHold(sycl::queue& queue) {
    queue.submit([open = open_](sycl::handler& handler) {
      handler.host_task([open] { open->wait(false); });
    });
  }

  ~HostTaskHold() override {
    open_->store(true);
    open_->notify_all();
  }

  HostTaskHold(const HostTaskHold&) = delete;
  HostTaskHold& operator=(const HostTaskHold&) = delete;

 private:
  // Shared with the task, which may still be returning when this object is gone.
  std::shared_ptr<std::atomic<bool>> open_ = std::make_shared<std::atomic<bool>>(false);
};

// Lets its queue go when the process exits, at the latest: the OpenCL and the SYCL runtime then
// wait for everything that was queued.
class HoldUntilExit final : public Latch::Hold {
 public:
  explicit HoldUntilExit(std::unique_ptr<Latch::Hold> hold) : hold_(std::move(hold)) {
    // Registered when the runtimes are up, so that it runs before they shut down.
    [[maybe_unused]] static const int registered = std::atexit(&let_all_go);
    const std::lock_guard lock(all().mutex);
    all().open.insert(this);
  }

  ~HoldUntilExit() override {
    const auto hold = take();  // let go without the lock
  }

  HoldUntilExit(const HoldUntilExit&) = delete;
  HoldUntilExit& operator=(const HoldUntilExit&) = delete;

 private:
  struct All {
    std::mutex mutex;
    std::unordered_set<HoldUntilExit*> open;
    pid_t process = getpid();
  };

  // Leaked: latches are destroyed until the very end of the process.
  static All& all() {
    static auto* all = new All;
    return *all;
  }

  static void let_all_go() {
    if (all().process != getpid()) return;  // a forked child must not touch the parent's queues
    std::vector<std::unique_ptr<Latch::Hold>> holds;  // before the lock: let go without it
    const std::lock_guard lock(all().mutex);
    for (auto* each : std::exchange(all().open, {})) holds.push_back(std::move(each->hold_));
  }

  std::unique_ptr<Latch::Hold> take() {
    const std::lock_guard lock(all().mutex);
    all().open.erase(this);
    return std::move(hold_);
  }

  std::unique_ptr<Latch::Hold> hold_;
};

std::unique_ptr<Latch::Hold> make_gate(sycl::queue& queue, Latch::Gate gate) {
  const bool has_user_events = queue.get_backend() == sycl::backend::opencl;
  if (gate == Latch::Gate::automatic && has_user_events) {
    return std::make_unique<UserEventHold>(queue);
  }
  return std::make_unique<HostTaskHold>(queue);
}

}  // namespace

Latch::Latch(sycl::queue& queue, Gate gate)
    : hold_(std::make_unique<HoldUntilExit>(
          translate_errors("holding back a queue", [&] { return make_gate(queue, gate); }))) {}

Latch::~Latch() = default;
Latch::Latch(Latch&& other) noexcept = default;
Latch& Latch::operator=(Latch&& other) noexcept = default;

void Latch::release() noexcept { hold_.reset(); }

}  // namespace xpu_event
