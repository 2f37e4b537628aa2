// Threads that use the same events and their own, on shared queues and their own.
#include <cmath>

#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/latch.h"
#include "event/xpu_event.h"
#include "tests/device.h"
#include "tests/stress.h"

namespace xpu_event::testing {
namespace {

constexpr int kQueues = 3;
constexpr int kSlots = 4;

// What all threads use. Queues are timed, so that every event may be.
struct Shared {
  std::vector<sycl::queue> queues;
  std::vector<Slot<XPUEvent>> events{kSlots};

  Shared() {
    for (int i = 0; i < kQueues; ++i) queues.push_back(make_timed_queue());
    for (auto& slot : events) slot.exchange(std::make_shared<XPUEvent>(/*enable_timing=*/true));
  }

  std::shared_ptr<XPUEvent> event(Worker& worker) { return worker.one_of(events).get(); }
  sycl::queue& queue(Worker& worker) { return worker.one_of(queues); }
};

// ---- the same events in all threads

void record(Shared& shared, Worker& worker) {
  shared.event(worker)->record(shared.queue(worker), 0);
}

void wait(Shared& shared, Worker& worker) { shared.event(worker)->wait(shared.queue(worker)); }

void query(Shared& shared, Worker& worker) { static_cast<void>(shared.event(worker)->query()); }

void synchronize(Shared& shared, Worker& worker) { shared.event(worker)->synchronize(); }

// The previous one is destroyed here, or by the last thread that still uses it.
void destroy(Shared& shared, Worker& worker) {
  worker.one_of(shared.events).exchange(std::make_shared<XPUEvent>(/*enable_timing=*/true));
}

void elapsed(Shared& shared, Worker& worker) {
  const auto event = shared.event(worker);
  if (!event->created()) return;
  event->synchronize();
  // Another thread may have recorded it again since, in which case there is no answer.
  try {
    Worker::expect(std::isfinite(XPUEvent::elapsed_ms(*event, *event)), "elapsed_ms is no number");
  } catch (const Error&) {
  }
}

// ---- events of one thread on queues of all

void move(Shared& shared, Worker& worker) {
  XPUEvent source(/*enable_timing=*/worker.below(2) == 0);
  source.record(shared.queue(worker), 0);
  XPUEvent target(std::move(source));
  Worker::expect(target.created() && !source.created(),  // NOLINT(bugprone-use-after-move)
                 "a move leaves its source recorded");
  source = std::move(target);
  source.synchronize();
  Worker::expect(source.query(), "an event is not complete after its synchronize()");
}

void destroy_pending(Shared& shared, Worker& worker) {
  XPUEvent event;
  auto& queue = shared.queue(worker);
  event.record(queue, 0);
  if (worker.below(2) == 0) event.wait(shared.queue(worker));
}

// Blocks no thread for long: nothing in here waits on the host before the latch is open. The gate
// is not a host task: a thread that waits for one keeps SYCL's scheduler locked, so that no other
// thread can submit anything, not even the one that would open the gate.
void hold(Shared& shared, Worker& worker) {
  auto& queue = shared.queue(worker);
  if (queue.get_backend() != sycl::backend::opencl) return;
  XPUEvent event;
  Latch latch(queue);
  event.record(queue, 0);
  Worker::expect(!event.query(), "an event behind a latch is complete");
  event.wait(shared.queue(worker));
  latch.release();
  event.synchronize();
  Worker::expect(event.query(), "an event is not complete after its synchronize()");
}

void hand_over(Shared& shared, Worker& worker) {
  sycl::queue consumer = make_queue();
  auto& producer = shared.queue(worker);
  const int value = worker.below(1000);
  const SharedInt input(value);
  SharedInt handed(-1), output(-1);
  XPUEvent event;
  handed.copy_from(producer, input);
  event.record(producer, 0);
  event.wait(consumer);
  output.copy_from(consumer, handed);
  consumer.wait();
  Worker::expect(output.value() == value, "a queue overtook the event that it waits for");
}

std::vector<Action> actions_on(Shared& shared) {
  const auto on_shared = [&shared](auto action) {
    return [&shared, action](Worker& worker) { action(shared, worker); };
  };
  return {
      {"record", on_shared(record)},   {"wait", on_shared(wait)},
      {"query", on_shared(query)},     {"synchronize", on_shared(synchronize)},
      {"destroy", on_shared(destroy)}, {"elapsed", on_shared(elapsed)},
      {"move", on_shared(move)},       {"destroy pending", on_shared(destroy_pending)},
      {"hold", on_shared(hold)},       {"hand over", on_shared(hand_over)},
  };
}

}  // namespace
}  // namespace xpu_event::testing

int main(int argc, char* argv[]) {
  using namespace xpu_event::testing;
  Shared shared;
  const int status = run_stress(argc, argv, actions_on(shared));
  for (auto& queue : shared.queues) queue.wait();
  return status;
}
