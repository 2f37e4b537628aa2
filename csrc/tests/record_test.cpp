#include <CL/cl.h>

#include <atomic>

#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/latch.h"
#include "event/opencl.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

BOOST_AUTO_TEST_SUITE(record)

BOOST_AUTO_TEST_CASE(nothing_exists_before_the_first_record) {
  const XPUEvent event;
  BOOST_TEST(!event.created());
  BOOST_TEST(event.device_index() == -1);
  BOOST_TEST(event.query());
  event.synchronize();
}

BOOST_AUTO_TEST_CASE(first_record_creates_and_pins_the_device) {
  sycl::queue queue = make_queue();
  XPUEvent event;
  event.record(queue, 3);
  BOOST_TEST(event.created());
  BOOST_TEST(event.device_index() == 3);
}

BOOST_AUTO_TEST_CASE(is_not_ready_while_work_before_it_is_pending) {
  sycl::queue queue = make_queue();
  Latch latch(queue);
  XPUEvent event;
  event.record(queue, 0);
  let_others_run();
  BOOST_TEST(!event.query());
  latch.release();
  event.synchronize();
  BOOST_TEST(event.query());
}

BOOST_AUTO_TEST_CASE(covers_the_work_before_it) {
  sycl::queue queue = make_queue();
  const SharedInt source(7);
  SharedInt target(0);
  Latch latch(queue);
  target.copy_from(queue, source);
  XPUEvent event;
  event.record(queue, 0);
  latch.release();
  event.synchronize();
  BOOST_TEST(target.value() == 7);
}

BOOST_AUTO_TEST_CASE(does_not_cover_the_work_after_it) {
  sycl::queue queue = make_queue();
  XPUEvent event;
  event.record(queue, 0);
  const Latch latch(queue);
  event.synchronize();
  BOOST_TEST(event.query());
}

BOOST_AUTO_TEST_CASE(events_of_a_queue_complete_in_order) {
  sycl::queue queue = make_queue();
  Latch latch(queue);
  XPUEvent first, second;
  first.record(queue, 0);
  second.record(queue, 0);
  BOOST_TEST(!first.query());
  BOOST_TEST(!second.query());
  latch.release();
  second.synchronize();
  BOOST_TEST(first.query());
}

// Kernels that the runtime enqueues on the native queue are unknown to SYCL's own bookkeeping.
BOOST_AUTO_TEST_CASE(covers_native_commands, *needs_opencl()) {
  sycl::queue queue = make_queue();
  static std::atomic<bool> ran;
  ran = false;
  Latch latch(queue);
  const auto enqueue =
      find_opencl_function<decltype(clEnqueueNativeKernel)>("clEnqueueNativeKernel");
  const cl_command_queue native = sycl::get_native<sycl::backend::opencl>(queue);
  char argument = 0;
  const cl_int status = enqueue(
      native, [](void*) { ran = true; }, &argument, sizeof argument, 0, nullptr, nullptr, 0,
      nullptr, nullptr);
  BOOST_REQUIRE(status == CL_SUCCESS);
  XPUEvent event;
  event.record(queue, 0);
  BOOST_TEST(!event.query());
  latch.release();
  event.synchronize();
  BOOST_TEST(ran.load());
}

BOOST_AUTO_TEST_CASE(again_moves_the_event_to_the_new_place) {
  sycl::queue held = make_queue();
  sycl::queue idle = make_queue();
  XPUEvent event;
  event.record(idle, 0);
  event.synchronize();
  Latch latch(held);
  event.record(held, 0);
  BOOST_TEST(!event.query());
  event.record(idle, 0);
  event.synchronize();
  BOOST_TEST(event.query());
}

BOOST_AUTO_TEST_CASE(again_keeps_the_address_of_the_native_event) {
  sycl::queue queue = make_queue();
  XPUEvent event;
  event.record(queue, 0);
  const sycl::event* const before = &event.sycl_event();
  const sycl::event marker = event.sycl_event();
  event.record(queue, 0);
  BOOST_TEST(&event.sycl_event() == before);
  BOOST_TEST((event.sycl_event() != marker));
}

BOOST_AUTO_TEST_CASE(event_is_a_valid_pointer_to_its_native_event) {
  sycl::queue queue = make_queue();
  XPUEvent event;
  event.record(queue, 0);
  const void* const payload = &event;
  BOOST_TEST(static_cast<const sycl::event*>(payload) == &event.sycl_event());
  static_cast<const sycl::event*>(payload)->get_backend();
}

BOOST_AUTO_TEST_CASE(on_another_device_names_both_and_changes_nothing) {
  sycl::queue queue = make_queue();
  XPUEvent event;
  event.record(queue, 0);
  const sycl::event marker = event.sycl_event();
  BOOST_CHECK_EXCEPTION(event.record(queue, 1), Error, [](const Error& error) {
    BOOST_TEST(error.what() ==
               "Event device 0 does not match recording stream's device 1. An event stays on the "
               "device it was first recorded on: use another event for device 1.");
    return true;
  });
  BOOST_TEST(event.device_index() == 0);
  BOOST_TEST((event.sycl_event() == marker));
}

BOOST_AUTO_TEST_CASE(failing_creates_nothing, *needs_untimed_queues()) {
  sycl::queue queue = make_queue();
  XPUEvent event(/*enable_timing=*/true);
  BOOST_CHECK_THROW(event.record(queue, 0), Error);
  BOOST_TEST(!event.created());
  BOOST_TEST(event.device_index() == -1);
  sycl::queue timed = make_timed_queue();
  event.record(timed, 1);
  BOOST_TEST(event.device_index() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
