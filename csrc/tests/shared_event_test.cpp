// No device at hand shares events between processes; the parts that this needs run everywhere.
#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/latch.h"
#include "event/shared_event.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

BOOST_AUTO_TEST_SUITE(shared_event)

BOOST_AUTO_TEST_CASE(one_native_event_is_signalled_again_and_again) {
  sycl::queue queue = make_queue();
  sycl::event signal = make_signal(queue.get_context(), /*between_processes=*/false);
  XPUEvent event;
  for (int i = 0; i < 3; ++i) {
    Latch latch(queue);
    signal_behind(queue, signal);
    event.adopt(signal, 0);
    BOOST_TEST(!event.query());
    latch.release();
    event.synchronize();
    BOOST_TEST(event.query());
  }
}

BOOST_AUTO_TEST_CASE(without_the_aspect_there_is_no_handle) {
  const sycl::queue queue = make_queue();
  if (can_share_events(queue.get_device())) return;
  const auto context = queue.get_context();
  BOOST_CHECK_THROW((void)make_signal(context, /*between_processes=*/true), Error);
  BOOST_CHECK_THROW((void)handle_of(make_signal(context, /*between_processes=*/false)), Error);
  BOOST_CHECK_THROW((void)open_handle("no handle", context), Error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
