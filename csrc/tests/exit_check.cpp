// Leaves events to be destroyed by the exit of the process, in each order relative to the shutdown
// of the SYCL runtime, and queues that a latch nobody releases holds back. Exiting with status 0 is
// the test.
#include <vector>

#include <sycl/sycl.hpp>

#include "event/latch.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace {

// Constructed before the SYCL runtime starts, so destroyed after its shutdown began.
xpu_event::XPUEvent before_runtime(/*enable_timing=*/true);
xpu_event::XPUEvent never_recorded;

}  // namespace

int main() {
  sycl::queue queue = xpu_event::testing::make_timed_queue();
  static xpu_event::XPUEvent after_runtime;
  thread_local xpu_event::XPUEvent of_thread;
  before_runtime.record(queue, 0);
  after_runtime.record(queue, 0);
  of_thread.record(queue, 0);

  static auto& never_released = *new std::vector<xpu_event::Latch*>;
  for (const auto gate : {xpu_event::Latch::Gate::automatic, xpu_event::Latch::Gate::host_task}) {
    sycl::queue held = xpu_event::testing::make_queue();
    sycl::queue waiting = xpu_event::testing::make_queue();
    never_released.push_back(new xpu_event::Latch(held, gate));
    xpu_event::XPUEvent behind;
    behind.record(held, 0);
    behind.wait(waiting);
  }
  return 0;
}
