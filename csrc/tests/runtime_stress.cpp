// Threads that take and give back device memory on the same streams and on their own, hand it over
// by events, and synchronise while tasks run and fail. A thread that gets a buffer checks it.
#include <c10/util/Exception.h>
#include <c10/xpu/XPUCachingAllocator.h>
#include <c10/xpu/XPUFunctions.h>
#include <c10/xpu/XPUStream.h>

#include <algorithm>
#include <cstring>

#include <sycl/sycl.hpp>

#include "runtime/backend/recorded_event.h"
#include "runtime/c10_xpu/task_queue.h"
#include "tests/device.h"
#include "tests/stress.h"

namespace xpu_runtime::testing {
namespace {

namespace memory = c10::xpu::XPUCachingAllocator;
using c10::xpu::XPUStream;
using xpu_event::testing::Action;
using xpu_event::testing::Slot;
using xpu_event::testing::Worker;

constexpr int kSlots = 4;

// A task throws this on purpose.
struct Planned : std::runtime_error {
  Planned() : std::runtime_error("planned") {}
};

// Memory of one stream, filled with a value there; `filled` is recorded after that.
struct Buffer {
  c10::DataPtr memory;
  std::size_t size;
  int value;
  RecordedEvent filled{/*enable_timing=*/false};
};

struct Shared {
  std::vector<Slot<Buffer>> buffers{kSlots};
  std::atomic<int> wrong{0};
};

// The pool hands the same streams out again after a while, so threads meet on them.
XPUStream any_stream(Worker& worker) { return c10::xpu::getStreamFromPool(worker.below(3) - 1); }

// From a small block to one with a whole segment.
std::size_t any_size(Worker& worker) {
  return (std::size_t{1} << worker.below(22)) + static_cast<std::size_t>(worker.below(100));
}

std::shared_ptr<Buffer> make_buffer(Worker& worker) {
  const auto stream = any_stream(worker);
  c10::xpu::setCurrentXPUStream(stream);
  auto buffer = std::make_shared<Buffer>();
  buffer->size = any_size(worker);
  buffer->value = worker.below(256);
  buffer->memory = memory::get()->allocate(buffer->size);
  enqueue(stream, "fill", [to = buffer->memory.get(), value = buffer->value, size = buffer->size] {
    std::memset(to, value, size);
  });
  buffer->filled.record(stream);
  return buffer;
}

void enqueue_check(Shared& shared, const XPUStream& stream, const Buffer& buffer) {
  const auto* from = static_cast<const unsigned char*>(buffer.memory.get());
  enqueue(stream, "check", [&shared, from, value = buffer.value, size = buffer.size] {
    const bool right = std::all_of(from, from + size, [value](int byte) { return byte == value; });
    if (!right) ++shared.wrong;
  });
}

// Any wait for a stream may raise another thread's planned error.
template <class Wait>
void ignoring_planned(Wait wait) {
  try {
    wait();
  } catch (const Planned&) {
  }
}

// ---- memory

void use_and_free(Shared& shared, Worker& worker) {
  const auto buffer = make_buffer(worker);
  enqueue_check(shared, c10::xpu::getCurrentXPUStream(), *buffer);
}

void put(Shared& shared, Worker& worker) {
  worker.one_of(shared.buffers).exchange(make_buffer(worker));
}

// Used on this thread's stream, and freed while another one may be current.
void get(Shared& shared, Worker& worker) {
  const auto buffer = worker.one_of(shared.buffers).get();
  if (!buffer) return;
  const auto stream = any_stream(worker);
  buffer->filled.wait(stream);
  enqueue_check(shared, stream, *buffer);
  memory::recordStream(buffer->memory, stream);
  c10::xpu::setCurrentXPUStream(any_stream(worker));
}

void raw(Shared& /*shared*/, Worker& worker) {
  void* pointer = memory::raw_alloc(any_size(worker));
  Worker::expect(c10::xpu::get_device_idx_from_pointer(pointer) == 0, "raw memory of no device");
  memory::raw_delete(pointer);
}

void empty_cache(Shared& /*shared*/, Worker& /*worker*/) { memory::emptyCache(); }

void look(Shared& /*shared*/, Worker& /*worker*/) {
  const auto stats = memory::getDeviceStats(0);
  Worker::expect(stats.allocated_bytes[0].current >= 0, "less than no memory is allocated");
  for (const auto& segment : memory::snapshot().segments)
    Worker::expect(segment.allocated_size <= segment.total_size, "more allocated than there is");
}

void run_out(Shared& /*shared*/, Worker& /*worker*/) {
  bool refused = false;
  try {
    const auto all = memory::get()->allocate(std::size_t{1} << 60);
  } catch (const c10::OutOfMemoryError&) {
    refused = true;
  }
  Worker::expect(refused, "more memory than there is was handed out");
}

// ---- streams

void synchronize_stream(Shared& /*shared*/, Worker& worker) {
  const auto stream = any_stream(worker);
  ignoring_planned([&] { synchronize(stream); });
}

void synchronize_device(Shared& /*shared*/, Worker& /*worker*/) {
  ignoring_planned([] { synchronize(c10::DeviceIndex{0}); });
}

void synchronize_event(Shared& shared, Worker& worker) {
  const auto buffer = worker.one_of(shared.buffers).get();
  if (!buffer) return;
  ignoring_planned([&] { buffer->filled.synchronize(); });
  Worker::expect(buffer->filled.query(), "an event is not complete after its synchronize()");
}

void fail(Shared& /*shared*/, Worker& worker) {
  const auto stream = any_stream(worker);
  enqueue(stream, "fail", [] { throw Planned(); });
  static_cast<void>(is_idle(stream));
}

void external(Shared& /*shared*/, Worker& worker) {
  if (worker.below(50) != 0) return;  // the runtime never forgets an external stream
  sycl::queue queue(c10::xpu::get_device_context(), c10::xpu::get_raw_device(0),
                    sycl::property::queue::in_order{});
  const auto stream = c10::xpu::getStreamFromExternal(&queue, 0);
  int runs = 0;
  enqueue(stream, "external", [&runs] { ++runs; });
  synchronize(stream);
  Worker::expect(runs == 1, "a task of an external stream has not run when it is synchronised");
}

std::vector<Action> actions_on(Shared& shared) {
  const auto on_shared = [&shared](auto action) {
    return [&shared, action](Worker& worker) {
      action(shared, worker);
      Worker::expect(shared.wrong.load() == 0, "a buffer does not hold what was written there");
    };
  };
  return {
      {"use and free", on_shared(use_and_free)},
      {"put", on_shared(put)},
      {"get", on_shared(get)},
      {"raw", on_shared(raw)},
      {"empty cache", on_shared(empty_cache)},
      {"look", on_shared(look)},
      {"run out", on_shared(run_out)},
      {"synchronize stream", on_shared(synchronize_stream)},
      {"synchronize device", on_shared(synchronize_device)},
      {"synchronize event", on_shared(synchronize_event)},
      {"fail", on_shared(fail)},
      {"external", on_shared(external)},
  };
}

// Waits for everything, also when errors of several streams come out one by one.
void drain() {
  for (bool clean = false; !clean;) {
    try {
      synchronize(c10::DeviceIndex{0});
      clean = true;
    } catch (const Planned&) {
    }
  }
}

}  // namespace
}  // namespace xpu_runtime::testing

int main(int argc, char* argv[]) {
  using namespace xpu_runtime::testing;
  xpu_event::testing::find_device();
  Shared shared;
  const int status = xpu_event::testing::run_stress(argc, argv, actions_on(shared));
  drain();
  return shared.wrong.load() == 0 ? status : EXIT_FAILURE;
}
