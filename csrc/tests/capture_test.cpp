// Events while queues are captured into a command graph.
#include <string>

#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/latch.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

namespace experimental = sycl::ext::oneapi::experimental;

struct Capture {
  sycl::queue queue = make_queue();
  sycl::queue other = make_queue();
  experimental::command_graph<> graph{queue.get_context(), queue.get_device()};
  XPUEvent event;
};

BOOST_AUTO_TEST_SUITE(capture, *needs_graphs())

BOOST_FIXTURE_TEST_CASE(record_and_wait_become_edges_of_the_graph, Capture) {
  const SharedInt input(42);
  SharedInt handed(0), output(-1);
  graph.begin_recording(queue);
  handed.copy_from(queue, input);
  event.record(queue, 0);
  BOOST_TEST(event.wait(other));
  output.copy_from(other, handed);
  graph.end_recording();
  BOOST_TEST(output.value() == -1);

  queue.ext_oneapi_graph(graph.finalize()).wait();
  BOOST_TEST(output.value() == 42);
}

BOOST_FIXTURE_TEST_CASE(captured_event_has_no_state, Capture) {
  graph.begin_recording(queue);
  event.record(queue, 0);
  const auto explains = [](const Error& error) {
    return std::string(error.what()).starts_with("The event was recorded into a command graph");
  };
  BOOST_CHECK_EXCEPTION(static_cast<void>(event.query()), Error, explains);
  BOOST_CHECK_EXCEPTION(event.synchronize(), Error, explains);
  graph.end_recording();
  event.record(queue, 0);
  event.synchronize();
  BOOST_TEST(event.query());
}

BOOST_FIXTURE_TEST_CASE(complete_event_from_outside_needs_no_edge, Capture) {
  event.record(other, 0);
  event.synchronize();
  graph.begin_recording(queue);
  BOOST_TEST(!event.wait(queue));
  BOOST_TEST(graph.get_nodes().empty());
  graph.end_recording();
}

// Nothing would order a replay on another queue after it.
BOOST_FIXTURE_TEST_CASE(pending_event_of_the_captured_queue_is_not_elided, Capture) {
  const Latch latch(queue);
  event.record(queue, 0);
  graph.begin_recording(queue);
  BOOST_CHECK_EXCEPTION(event.wait(queue), Error, [](const Error& error) {
    return std::string(error.what()).find("outside the graph") != std::string::npos;
  });
  graph.end_recording();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
