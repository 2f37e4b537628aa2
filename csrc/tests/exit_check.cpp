// Leaves events to be destroyed by the exit of the process, in each order relative to the shutdown
// of the SYCL runtime. Exiting with status 0 is the test.
#include <sycl/sycl.hpp>

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
  return 0;
}
