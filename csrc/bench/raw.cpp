#include <sycl/sycl.hpp>

#include "bench/loops.h"

namespace xpu_bench::raw {
namespace {

void submit_wait(sycl::queue& queue, const sycl::event& event) {
  // Not ext_oneapi_submit_barrier({event}), which blocks the host while a host task is ahead.
  queue.submit([&](sycl::handler& handler) {
    handler.depends_on(event);
    handler.ext_oneapi_barrier();
  });
}

}  // namespace

double record(sycl::queue& queue, std::size_t count) {
  sycl::event event;
  return ns_per_call(count, [&] { event = queue.ext_oneapi_submit_barrier(); });
}

double record_timed(sycl::queue& queue, std::size_t count) {
  sycl::event event;
  return ns_per_call(count,
                     [&] { event = sycl::ext::oneapi::experimental::submit_profiling_tag(queue); });
}

double wait(sycl::queue& queue, const sycl::event& event, std::size_t count) {
  return ns_per_call(count, [&] { submit_wait(queue, event); });
}

double query(const sycl::event& event, std::size_t count) {
  using sycl::info::event::command_execution_status;
  std::size_t complete = 0;
  const double result = ns_per_call(count, [&] {
    complete +=
        event.get_info<command_execution_status>() == sycl::info::event_command_status::complete;
  });
  return complete <= count ? result : 0;  // the answers are used
}

double synchronize(const sycl::event& event, std::size_t count) {
  auto waiting = event;  // waiting is not a const member
  return ns_per_call(count, [&] { waiting.wait_and_throw(); });
}

double record_and_wait(sycl::queue& recorded, sycl::queue& waiting, std::size_t count) {
  sycl::event event;
  return ns_per_call(count, [&] {
    event = recorded.ext_oneapi_submit_barrier();
    submit_wait(waiting, event);
  });
}

double copy(sycl::queue& queue, void* to, const void* from, std::size_t bytes, std::size_t count) {
  return ns_per_call(count, [&] { queue.memcpy(to, from, bytes); });
}

}  // namespace xpu_bench::raw
