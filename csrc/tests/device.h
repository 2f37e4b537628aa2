#pragma once

#include <memory>

#include <boost/test/tree/decorator.hpp>
#include <sycl/queue.hpp>

namespace xpu_event::testing {

/// Tells the SYCL runtime where the OpenCL CPU device is, unless the user did; before its first
/// use.
void find_device();

/// An in-order queue on the device under test. Queues of one process share a context.
[[nodiscard]] sycl::queue make_queue();

/// Same, with profiling.
[[nodiscard]] sycl::queue make_timed_queue();

/// An integer that queues can write and the host can read.
class SharedInt {
 public:
  explicit SharedInt(int value);

  /// Submits `other -> *this`.
  sycl::event copy_from(sycl::queue& queue, const SharedInt& other);
  [[nodiscard]] int value() const;

 private:
  std::shared_ptr<int> value_;
};

/// Runs enough on another queue that work which is free to run has had its chance.
void let_others_run();

[[nodiscard]] bool is_complete(const sycl::event& event);

/// Preconditions of tests, by what the device under test can do.
[[nodiscard]] boost::unit_test::precondition needs_opencl();
[[nodiscard]] boost::unit_test::precondition needs_graphs();
[[nodiscard]] boost::unit_test::precondition needs_untimed_queues();

}  // namespace xpu_event::testing
