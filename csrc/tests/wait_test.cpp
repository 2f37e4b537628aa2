#include <optional>

#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/latch.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

// A value handed from one queue to another, whose writer is held back.
struct Handover {
  sycl::queue producer = make_queue();
  sycl::queue consumer = make_queue();
  SharedInt input{42};
  SharedInt handed{0};
  SharedInt output{-1};
  Latch latch{producer};
  XPUEvent event;

  Handover() {
    handed.copy_from(producer, input);
    event.record(producer, 0);
  }

  sycl::event consume() { return output.copy_from(consumer, handed); }
};

BOOST_AUTO_TEST_SUITE(wait)

BOOST_FIXTURE_TEST_CASE(holds_back_later_work_of_the_queue, Handover) {
  event.wait(consumer);
  const sycl::event consumed = consume();
  let_others_run();
  BOOST_TEST(!is_complete(consumed));
  latch.release();
  consumer.wait();
  BOOST_TEST(output.value() == 42);
}

// The control: without the wait.
BOOST_FIXTURE_TEST_CASE(left_out_lets_the_queue_run_ahead, Handover) {
  consume();
  consumer.wait();
  BOOST_TEST(output.value() == 0);
  BOOST_TEST(!event.query());
}

BOOST_FIXTURE_TEST_CASE(leaves_earlier_work_alone, Handover) {
  sycl::event consumed = consume();
  event.wait(consumer);
  consumed.wait();
  BOOST_TEST(output.value() == 0);
}

// It returns, although only this thread could release the latch.
BOOST_FIXTURE_TEST_CASE(does_not_block_the_host, Handover) {
  for (int i = 0; i < 1000; ++i) event.wait(consumer);
  BOOST_TEST(!event.query());
}

// queue.ext_oneapi_submit_barrier({event}) does block here.
BOOST_AUTO_TEST_CASE(does_not_block_the_host_on_a_host_task) {
  sycl::queue producer = make_queue();
  sycl::queue consumer = make_queue();
  Latch latch(producer, Latch::Gate::host_task);
  XPUEvent event;
  event.record(producer, 0);
  event.wait(consumer);
  const sycl::event after = consumer.ext_oneapi_submit_barrier();
  BOOST_TEST(!is_complete(after));
  latch.release();
  consumer.wait();
  producer.wait();
}

BOOST_FIXTURE_TEST_CASE(gates_every_queue_that_waits, Handover) {
  sycl::queue other = make_queue();
  SharedInt second_output(-1);
  event.wait(consumer);
  event.wait(other);
  consume();
  second_output.copy_from(other, handed);
  latch.release();
  consumer.wait();
  other.wait();
  BOOST_TEST(output.value() == 42);
  BOOST_TEST(second_output.value() == 42);
}

BOOST_FIXTURE_TEST_CASE(keeps_the_recording_it_was_given, Handover) {
  sycl::queue idle = make_queue();
  event.wait(consumer);
  event.record(idle, 0);
  event.synchronize();
  const sycl::event consumed = consume();
  BOOST_TEST(!is_complete(consumed));
  latch.release();
  consumer.wait();
  BOOST_TEST(output.value() == 42);
}

BOOST_AUTO_TEST_CASE(is_elided_when_never_recorded) {
  sycl::queue queue = make_queue();
  BOOST_TEST(!XPUEvent().wait(queue));
}

BOOST_FIXTURE_TEST_CASE(is_elided_on_the_recording_queue, Handover) {
  sycl::queue copy_of_producer = producer;
  BOOST_TEST(!event.wait(producer));
  BOOST_TEST(!event.wait(copy_of_producer));
  sycl::event consumed = output.copy_from(producer, handed);
  BOOST_TEST(!is_complete(consumed));
  latch.release();
  consumed.wait();
  BOOST_TEST(output.value() == 42);
}

BOOST_FIXTURE_TEST_CASE(is_elided_when_complete, Handover) {
  latch.release();
  producer.wait();
  BOOST_TEST(!event.wait(consumer));
}

BOOST_FIXTURE_TEST_CASE(is_submitted_otherwise, Handover) { BOOST_TEST(event.wait(consumer)); }

// The new queue may well live where the recording one did.
BOOST_AUTO_TEST_CASE(is_submitted_to_a_queue_that_replaces_the_recording_one) {
  sycl::queue gate = make_queue();
  Latch latch(gate);
  XPUEvent held, event;
  held.record(gate, 0);
  {
    sycl::queue recording = make_queue();
    held.wait(recording);
    event.record(recording, 0);
  }
  sycl::queue consumer = make_queue();
  BOOST_TEST(event.wait(consumer));
}

BOOST_AUTO_TEST_CASE(accepts_a_queue_of_any_device) {
  sycl::queue producer = make_queue();
  sycl::queue consumer = make_queue();
  XPUEvent event;
  event.record(producer, 1);
  event.wait(consumer);
  consumer.wait();
  BOOST_TEST(event.device_index() == 1);
}

BOOST_AUTO_TEST_CASE(works_for_a_foreign_sycl_event) {
  sycl::queue producer = make_queue();
  sycl::queue consumer = make_queue();
  const SharedInt input(42);
  SharedInt handed(0), output(-1);
  Latch latch(producer);
  const sycl::event foreign = handed.copy_from(producer, input);
  wait_for(consumer, foreign);
  const sycl::event consumed = output.copy_from(consumer, handed);
  let_others_run();
  BOOST_TEST(!is_complete(consumed));
  latch.release();
  consumer.wait();
  BOOST_TEST(output.value() == 42);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
