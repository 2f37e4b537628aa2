#pragma once

#include <chrono>
#include <cstddef>

#include <sycl/event.hpp>
#include <sycl/queue.hpp>

/// What `make bench` compares with: event operations repeated in C++, without Python and torch.
/// Every function returns the nanoseconds of one operation, over `count` of them.
namespace xpu_bench {

template <class Operation>
double ns_per_call(std::size_t count, Operation&& operation) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (std::size_t i = 0; i < count; ++i) operation();
  const std::chrono::duration<double, std::nano> elapsed = Clock::now() - start;
  return elapsed.count() / static_cast<double>(count);
}

/// The SYCL calls themselves.
namespace raw {

/// A marker in the queue; as an event that is recorded again, it replaces the one before.
double record(sycl::queue& queue, std::size_t count);
/// The same, with a time.
double record_timed(sycl::queue& queue, std::size_t count);
/// Later work of the queue comes after `event`.
double wait(sycl::queue& queue, const sycl::event& event, std::size_t count);
double query(const sycl::event& event, std::size_t count);
double synchronize(const sycl::event& event, std::size_t count);
/// A record in one queue and a wait for it in the other.
double record_and_wait(sycl::queue& recorded, sycl::queue& waiting, std::size_t count);
double copy(sycl::queue& queue, void* to, const void* from, std::size_t bytes, std::size_t count);

}  // namespace raw

/// The same through `xpu_event::XPUEvent`, below Python and torch.
namespace event {

double record(sycl::queue& queue, std::size_t count);
double record_timed(sycl::queue& queue, std::size_t count);
double wait(sycl::queue& recorded, sycl::queue& waiting, std::size_t count);
double query(sycl::queue& recorded, std::size_t count);
double synchronize(sycl::queue& recorded, std::size_t count);
double record_and_wait(sycl::queue& recorded, sycl::queue& waiting, std::size_t count);

}  // namespace event

/// The look at whether the thread has observers, a profiler for example, that every operator of
/// torch takes.
double observers(std::size_t count);

/// The processor, by plain arithmetic: nanoseconds that one thread and that two threads take, each
/// with the same work. What two streams can win is bounded by their ratio.
struct Cores {
  double one_ns;
  double two_ns;
};
Cores cores(std::size_t count);

}  // namespace xpu_bench
