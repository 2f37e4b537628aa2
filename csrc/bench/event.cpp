#include <sycl/sycl.hpp>

#include "bench/loops.h"
#include "event/xpu_event.h"

namespace xpu_bench::event {
namespace {

constexpr int kDevice = 0;

double record(sycl::queue& queue, std::size_t count, bool enable_timing) {
  xpu_event::XPUEvent event(enable_timing);
  return ns_per_call(count, [&] { event.record(queue, kDevice); });
}

xpu_event::XPUEvent recorded_on(sycl::queue& queue) {
  xpu_event::XPUEvent event;
  event.record(queue, kDevice);
  return event;
}

}  // namespace

double record(sycl::queue& queue, std::size_t count) { return record(queue, count, false); }

double record_timed(sycl::queue& queue, std::size_t count) { return record(queue, count, true); }

double wait(sycl::queue& recorded, sycl::queue& waiting, std::size_t count) {
  const auto event = recorded_on(recorded);
  return ns_per_call(count, [&] { event.wait(waiting); });
}

double query(sycl::queue& recorded, std::size_t count) {
  const auto event = recorded_on(recorded);
  std::size_t complete = 0;
  const double result = ns_per_call(count, [&] { complete += event.query(); });
  return complete <= count ? result : 0;
}

double synchronize(sycl::queue& recorded, std::size_t count) {
  const auto event = recorded_on(recorded);
  return ns_per_call(count, [&] { event.synchronize(); });
}

double record_and_wait(sycl::queue& recorded, sycl::queue& waiting, std::size_t count) {
  xpu_event::XPUEvent event;
  return ns_per_call(count, [&] {
    event.record(recorded, kDevice);
    event.wait(waiting);
  });
}

}  // namespace xpu_bench::event
