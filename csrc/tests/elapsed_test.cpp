#include <chrono>
#include <string>

#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/latch.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

std::string message_of(const XPUEvent& start, const XPUEvent& end) {
  try {
    static_cast<void>(XPUEvent::elapsed_ms(start, end));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

struct Timed {
  sycl::queue queue = make_timed_queue();
  XPUEvent start{/*enable_timing=*/true};
  XPUEvent end{/*enable_timing=*/true};
};

BOOST_AUTO_TEST_SUITE(elapsed)

BOOST_FIXTURE_TEST_CASE(needs_timing_of_both, Timed) {
  const XPUEvent untimed;
  BOOST_TEST(message_of(untimed, end) ==
             "Both events must be created with argument 'enable_timing=True' (start is not). "
             "Create both events with enable_timing=True.");
  BOOST_TEST(message_of(start, untimed) ==
             "Both events must be created with argument 'enable_timing=True' (end is not). "
             "Create both events with enable_timing=True.");
}

BOOST_FIXTURE_TEST_CASE(needs_both_recorded, Timed) {
  BOOST_TEST(message_of(start, end) ==
             "Both events must be recorded before calculating elapsed time (neither is). "
             "Call record() on both events first.");
  start.record(queue, 0);
  BOOST_TEST(message_of(start, end) ==
             "Both events must be recorded before calculating elapsed time (end is not). "
             "Call record() on both events first.");
}

BOOST_FIXTURE_TEST_CASE(needs_both_complete, Timed) {
  start.record(queue, 0);
  start.synchronize();
  const Latch latch(queue);
  end.record(queue, 0);
  BOOST_TEST(message_of(start, end) ==
             "Both events must be completed before calculating elapsed time (end is not). "
             "Call synchronize() on both events first.");
}

BOOST_FIXTURE_TEST_CASE(needs_one_device, Timed) {
  start.record(queue, 0);
  end.record(queue, 1);
  start.synchronize();
  end.synchronize();
  BOOST_TEST(message_of(start, end) ==
             "Both events must be recorded on the same device: start is on device 0, end on "
             "device 1, and their clocks have nothing in common. Record both on one device.");
}

BOOST_AUTO_TEST_CASE(needs_a_queue_that_can_be_timed, *needs_untimed_queues()) {
  sycl::queue queue = make_queue();
  XPUEvent event(/*enable_timing=*/true);
  BOOST_CHECK_EXCEPTION(event.record(queue, 0), Error, [](const Error& error) {
    return std::string(error.what()).find("Create the queue with") != std::string::npos;
  });
}

BOOST_FIXTURE_TEST_CASE(is_in_milliseconds, Timed) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const auto before = std::chrono::steady_clock::now();
  start.record(queue, 0);
  start.synchronize();
  const auto inside = std::chrono::steady_clock::now();
  let_others_run();
  const Milliseconds at_least = std::chrono::steady_clock::now() - inside;
  end.record(queue, 0);
  end.synchronize();
  const Milliseconds at_most = std::chrono::steady_clock::now() - before;

  // Two clocks: equal to a few percent is all that can be asked.
  const double elapsed = XPUEvent::elapsed_ms(start, end);
  BOOST_TEST(elapsed >= 0.9 * at_least.count());
  BOOST_TEST(elapsed <= 1.1 * at_most.count());
  BOOST_TEST(XPUEvent::elapsed_ms(end, start) == -elapsed);
  BOOST_TEST(XPUEvent::elapsed_ms(start, start) == 0.0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
