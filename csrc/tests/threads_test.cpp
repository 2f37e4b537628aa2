#include <array>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/latch.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 1000;

void run_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

BOOST_AUTO_TEST_SUITE(threads)

BOOST_AUTO_TEST_CASE(re_record_against_query_wait_and_synchronize) {
  XPUEvent event;
  run_threads(2 * kThreads, [&](int index) {
    sycl::queue queue = make_queue();
    for (int i = 0; i < kRounds; ++i) {
      if (index < kThreads) {
        event.record(queue, 0);
      } else {
        static_cast<void>(event.query());
        event.wait(queue);
        event.synchronize();
      }
    }
    queue.wait();
  });
  event.synchronize();
  BOOST_TEST(event.query());
}

// Whichever recording a concurrent wait takes, it covers all records before the wait began.
BOOST_AUTO_TEST_CASE(a_wait_covers_what_was_recorded_before_it) {
  XPUEvent event;
  std::vector<SharedInt> values;
  for (int i = 0; i <= kRounds; ++i) values.emplace_back(i);
  SharedInt handed(0);
  std::atomic<int> recorded{0};
  std::atomic<int> stale{0};

  std::thread writer([&] {
    sycl::queue queue = make_queue();
    for (int i = 1; i <= kRounds; ++i) {
      handed.copy_from(queue, values[i]);
      event.record(queue, 0);
      recorded.store(i);
    }
    queue.wait();
  });
  run_threads(kThreads, [&](int) {
    sycl::queue queue = make_queue();
    SharedInt seen(-1);
    for (int i = 0; i < kRounds; ++i) {
      const int at_least = recorded.load();
      event.wait(queue);
      seen.copy_from(queue, handed);
      queue.wait();
      if (seen.value() < at_least) ++stale;
    }
  });
  writer.join();
  BOOST_TEST(stale.load() == 0);
}

BOOST_AUTO_TEST_CASE(record_goes_on_while_another_thread_synchronizes) {
  sycl::queue held = make_queue();
  sycl::queue idle = make_queue();
  Latch latch(held);
  XPUEvent event;
  event.record(held, 0);
  std::thread waiter([&] { event.synchronize(); });
  // Would deadlock if synchronize() kept a lock: the latch is released only afterwards.
  for (int i = 0; i < kRounds; ++i) event.record(idle, 0);
  event.synchronize();
  BOOST_TEST(event.query());
  latch.release();
  waiter.join();
}

BOOST_AUTO_TEST_CASE(a_synchronize_of_the_old_recording_says_nothing_of_the_new) {
  constexpr int kPatience = 1000;
  sycl::queue first = make_queue();
  sycl::queue second = make_queue();
  Latch first_latch(first);
  Latch second_latch(second);
  XPUEvent event;
  event.record(first, 0);
  std::atomic<bool> started{false}, returned{false};
  std::thread waiter([&] {
    started = true;
    event.synchronize();
    returned = true;
  });
  while (!started) std::this_thread::yield();
  let_others_run();
  event.record(second, 0);
  first_latch.release();
  // If the waiter was so slow that it took the second recording, nothing is tested this time.
  for (int i = 0; i < kPatience && !returned; ++i) let_others_run();
  BOOST_TEST(!event.query());
  second_latch.release();
  waiter.join();
}

BOOST_AUTO_TEST_CASE(first_records_on_two_devices_agree_on_one) {
  constexpr int kRaces = 2000;
  std::vector<XPUEvent> events(kRaces);
  std::vector<std::array<std::atomic<int>, 2>> accepted(kRaces);
  std::atomic<int> arrived{0};
  run_threads(2, [&](int device) {
    sycl::queue queue = make_queue();
    for (int race = 0; race < kRaces; ++race) {
      // Not a std::barrier: waking up takes longer than the race lasts.
      for (++arrived; arrived.load() < 2 * (race + 1);) std::this_thread::yield();
      try {
        events[race].record(queue, device);
        ++accepted[race][device];
      } catch (const Error&) {
      }
    }
  });
  for (int race = 0; race < kRaces; ++race) {
    const int pinned = events[race].device_index();
    BOOST_REQUIRE((pinned == 0 || pinned == 1));
    BOOST_TEST(accepted[race][pinned] == 1);
    BOOST_TEST(accepted[race][1 - pinned] == 0);
  }
}

BOOST_AUTO_TEST_CASE(events_of_different_threads_do_not_mix) {
  std::atomic<int> wrong{0};
  run_threads(kThreads, [&](int) {
    sycl::queue queue = make_queue();
    for (int i = 0; i < kRounds / 10; ++i) {
      XPUEvent event;
      Latch latch(queue);
      event.record(queue, 0);
      if (event.query()) ++wrong;
      latch.release();
      event.synchronize();
      if (!event.query()) ++wrong;
    }
  });
  BOOST_TEST(wrong.load() == 0);
}

BOOST_AUTO_TEST_CASE(destroyed_by_another_thread_than_the_recording_one) {
  sycl::queue queue = make_queue();
  Latch latch(queue);
  std::vector<XPUEvent> events(kThreads);
  for (XPUEvent& event : events) event.record(queue, 0);
  run_threads(kThreads, [&](int index) { events[index] = XPUEvent(); });
  latch.release();
  queue.wait();
  for (const XPUEvent& event : events) BOOST_TEST(!event.created());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
