#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/device_event.h"
#include "event/error.h"
#include "event/latch.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

BOOST_AUTO_TEST_SUITE(adopt)

BOOST_AUTO_TEST_CASE(an_event_is_as_what_it_adopts) {
  sycl::queue queue = make_queue();
  Latch latch(queue);
  XPUEvent event;
  event.adopt(queue.ext_oneapi_submit_barrier(), 2);
  BOOST_TEST(event.created());
  BOOST_TEST(event.device_index() == 2);
  BOOST_TEST(!event.query());
  latch.release();
  event.synchronize();
  BOOST_TEST(event.query());
}

// A wait is left out on the queue of the recording only, which is not known here.
BOOST_AUTO_TEST_CASE(the_queue_of_an_earlier_recording_waits) {
  sycl::queue held = make_queue();
  sycl::queue ours = make_queue();
  const Latch latch(held);
  XPUEvent event;
  event.record(ours, 0);
  event.adopt(held.ext_oneapi_submit_barrier(), 0);
  BOOST_TEST(event.wait(ours));
}

BOOST_AUTO_TEST_CASE(another_device_is_refused) {
  sycl::queue queue = make_queue();
  XPUEvent event;
  event.record(queue, 0);
  BOOST_CHECK_THROW(event.adopt(sycl::event(), 1), Error);
  BOOST_TEST(event.device_index() == 0);
}

BOOST_AUTO_TEST_CASE(sharing_gives_the_latest_recording) {
  sycl::queue queue = make_queue();
  XPUEvent event;
  BOOST_TEST(is_complete(event.share()));
  Latch latch(queue);
  event.record(queue, 0);
  BOOST_TEST((event.share() == event.sycl_event()));
  BOOST_TEST(!is_complete(event.share()));
}

BOOST_AUTO_TEST_CASE(a_complete_event_needs_no_other) {
  const sycl::queue queue = make_queue();
  const sycl::event done;
  BOOST_TEST((on_device(done, queue) == done));
}

// Work behind it goes to the device at once, where other commands cannot pass it.
BOOST_AUTO_TEST_CASE(a_host_task_gets_a_pending_event, *needs_opencl()) {
  sycl::queue held = make_queue();
  sycl::queue queue = make_queue();
  Latch latch(held, Latch::Gate::host_task);
  const sycl::event pending_event = on_device(held.ext_oneapi_submit_barrier(), queue);
  BOOST_TEST(sycl::get_native<sycl::backend::opencl>(pending_event).size() == 1U);
  wait_for(queue, pending_event);
  const sycl::event behind = queue.ext_oneapi_submit_barrier();
  BOOST_TEST(sycl::get_native<sycl::backend::opencl>(behind).size() == 1U);
  let_others_run();
  BOOST_TEST(!is_complete(behind));
  latch.release();
  queue.wait();
  BOOST_TEST(is_complete(pending_event));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
