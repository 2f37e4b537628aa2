#include <type_traits>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/latch.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

static_assert(std::is_nothrow_default_constructible_v<XPUEvent>);
static_assert(std::is_nothrow_destructible_v<XPUEvent>);
static_assert(!std::is_convertible_v<bool, XPUEvent>);

constexpr int kMany = 5000;

BOOST_AUTO_TEST_SUITE(lifetime)

BOOST_AUTO_TEST_CASE(move_takes_the_recording_along) {
  sycl::queue queue = make_timed_queue();
  Latch latch(queue);
  XPUEvent source(/*enable_timing=*/true);
  source.record(queue, 1);
  XPUEvent target(std::move(source));
  BOOST_TEST(target.enable_timing());
  BOOST_TEST(target.device_index() == 1);
  BOOST_TEST(!target.query());
  latch.release();
  target.synchronize();
  BOOST_TEST(target.query());
}

BOOST_AUTO_TEST_CASE(moved_from_is_as_never_recorded) {
  sycl::queue queue = make_queue();
  const Latch latch(queue);
  XPUEvent source;
  source.record(queue, 1);
  const XPUEvent target(std::move(source));
  BOOST_TEST(!source.created());  // NOLINT(bugprone-use-after-move): what is tested
  BOOST_TEST(source.device_index() == -1);
  BOOST_TEST(source.query());
  source.record(queue, 0);
  BOOST_TEST(source.device_index() == 0);
}

BOOST_AUTO_TEST_CASE(move_assignment_drops_the_old_recording) {
  sycl::queue held = make_queue();
  sycl::queue idle = make_queue();
  const Latch latch(held);
  XPUEvent target, source;
  target.record(held, 0);
  source.record(idle, 1);
  source.synchronize();
  target = std::move(source);
  BOOST_TEST(target.query());
  BOOST_TEST(target.device_index() == 1);
  target = XPUEvent();
  BOOST_TEST(!target.created());
}

BOOST_AUTO_TEST_CASE(self_move_changes_nothing) {
  sycl::queue queue = make_queue();
  XPUEvent event;
  event.record(queue, 1);
  XPUEvent& same = event;
  event = std::move(same);
  BOOST_TEST(event.created());
  BOOST_TEST(event.device_index() == 1);
}

BOOST_AUTO_TEST_CASE(lives_in_a_growing_vector) {
  sycl::queue queue = make_queue();
  Latch latch(queue);
  std::vector<XPUEvent> events;
  for (int i = 0; i < 100; ++i) events.emplace_back().record(queue, 0);
  for (const XPUEvent& event : events) BOOST_TEST(!event.query());
  latch.release();
  for (const XPUEvent& event : events) event.synchronize();
  for (const XPUEvent& event : events) BOOST_TEST(event.query());
}

BOOST_AUTO_TEST_CASE(destruction_leaves_pending_work_and_waits_alone) {
  sycl::queue producer = make_queue();
  sycl::queue consumer = make_queue();
  const SharedInt input(42);
  SharedInt handed(0), output(-1);
  Latch latch(producer);
  handed.copy_from(producer, input);
  {
    XPUEvent event;
    event.record(producer, 0);
    event.wait(consumer);
  }
  const sycl::event consumed = output.copy_from(consumer, handed);
  let_others_run();
  BOOST_TEST(!is_complete(consumed));
  latch.release();
  consumer.wait();
  BOOST_TEST(output.value() == 42);
}

BOOST_AUTO_TEST_CASE(outlives_its_queue) {
  XPUEvent event;
  {
    sycl::queue queue = make_queue();
    event.record(queue, 0);
  }
  event.synchronize();
  BOOST_TEST(event.query());
}

BOOST_AUTO_TEST_CASE(does_not_keep_its_queue_alive) {
  XPUEvent event;
  sycl::ext::oneapi::weak_object<sycl::queue> watched;
  {
    sycl::queue queue = make_queue();
    event.record(queue, 0);
    event.synchronize();
    watched = queue;
  }
  BOOST_TEST(watched.expired());
}

BOOST_AUTO_TEST_CASE(does_not_keep_what_it_no_longer_needs) {
  using Watched = sycl::ext::oneapi::weak_object<sycl::event>;
  sycl::queue queue = make_queue();
  Watched replaced, destroyed;
  {
    XPUEvent event;
    event.record(queue, 0);
    replaced = event.sycl_event();
    event.record(queue, 0);
    destroyed = event.sycl_event();
    queue.ext_oneapi_submit_barrier();
    queue.wait();
    BOOST_TEST(replaced.expired());
    BOOST_TEST(!destroyed.expired());
  }
  BOOST_TEST(destroyed.expired());
}

void record_many(sycl::queue& queue, bool enable_timing) {
  Latch latch(queue);
  std::vector<XPUEvent> events;
  for (int i = 0; i < kMany; ++i) events.emplace_back(enable_timing).record(queue, 0);
  BOOST_TEST(!events.front().query());
  latch.release();
  events.back().synchronize();
  for (const XPUEvent& event : events) BOOST_REQUIRE(event.query());
}

// Recording must not start to block the host when many events are in flight.
BOOST_AUTO_TEST_CASE(thousands_in_flight) {
  sycl::queue queue = make_queue();
  record_many(queue, false);
}

BOOST_AUTO_TEST_CASE(thousands_of_timed_ones_in_flight) {
  sycl::queue queue = make_timed_queue();
  record_many(queue, true);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
