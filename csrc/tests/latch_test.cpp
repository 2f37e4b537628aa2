#include <optional>
#include <utility>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/latch.h"
#include "tests/device.h"

BOOST_TEST_DONT_PRINT_LOG_VALUE(xpu_event::Latch::Gate)

namespace xpu_event::testing {
namespace {

const auto kGates = boost::unit_test::data::make({Latch::Gate::automatic, Latch::Gate::host_task});

BOOST_AUTO_TEST_SUITE(latch)

BOOST_DATA_TEST_CASE(holds_what_comes_after_it, kGates, gate) {
  sycl::queue queue = make_queue();
  sycl::event before = queue.ext_oneapi_submit_barrier();
  Latch latch(queue, gate);
  const sycl::event after = queue.ext_oneapi_submit_barrier();
  before.wait();
  let_others_run();
  BOOST_TEST(!is_complete(after));
  latch.release();
  queue.wait();
  BOOST_TEST(is_complete(after));
}

BOOST_DATA_TEST_CASE(can_be_released_twice, kGates, gate) {
  sycl::queue queue = make_queue();
  Latch latch(queue, gate);
  latch.release();
  latch.release();
  BOOST_CHECK_NO_THROW(queue.wait());
}

BOOST_DATA_TEST_CASE(releases_when_destroyed, kGates, gate) {
  sycl::queue queue = make_queue();
  {
    const Latch latch(queue, gate);
  }
  queue.wait();
}

BOOST_DATA_TEST_CASE(moves, kGates, gate) {
  sycl::queue queue = make_queue();
  Latch source(queue, gate);
  std::optional<Latch> target(std::move(source));
  const sycl::event after = queue.ext_oneapi_submit_barrier();
  BOOST_TEST(!is_complete(after));
  target.reset();
  queue.wait();
}

BOOST_DATA_TEST_CASE(several_hold_until_the_last_is_released, kGates, gate) {
  sycl::queue queue = make_queue();
  Latch first(queue, gate);
  Latch second(queue, gate);
  const sycl::event after = queue.ext_oneapi_submit_barrier();
  second.release();
  let_others_run();
  BOOST_TEST(!is_complete(after));
  first.release();
  queue.wait();
}

BOOST_DATA_TEST_CASE(leaves_other_queues_alone, kGates, gate) {
  sycl::queue queue = make_queue();
  const Latch latch(queue, gate);
  sycl::queue other = make_queue();
  BOOST_CHECK_NO_THROW(other.ext_oneapi_submit_barrier().wait());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
