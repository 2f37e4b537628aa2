#include "tests/device.h"

#include <cstdlib>

#include <sycl/sycl.hpp>

namespace xpu_event::testing {

void find_device() { setenv("OCL_ICD_FILENAMES", OPENCL_CPU_RUNTIME, 0); }

namespace {

const sycl::context& context() {
  static const sycl::context context = [] {
    find_device();
    return sycl::context(sycl::device(sycl::default_selector_v));
  }();
  return context;
}

sycl::queue make_queue(const sycl::property_list& properties) {
  return sycl::queue(context(), context().get_devices().front(), properties);
}

}  // namespace

sycl::queue make_queue() { return make_queue({sycl::property::queue::in_order{}}); }

sycl::queue make_timed_queue() {
  return make_queue({sycl::property::queue::in_order{}, sycl::property::queue::enable_profiling{}});
}

SharedInt::SharedInt(int value)
    : value_(sycl::malloc_host<int>(1, context()),
             [](int* pointer) { sycl::free(pointer, context()); }) {
  *value_ = value;
}

sycl::event SharedInt::copy_from(sycl::queue& queue, const SharedInt& other) {
  return queue.memcpy(value_.get(), other.value_.get(), sizeof(int));
}

int SharedInt::value() const { return *value_; }

void let_others_run() {
  sycl::queue queue = make_queue();
  const SharedInt source(1);
  SharedInt target(0);
  for (int i = 0; i < 200; ++i) target.copy_from(queue, source);
  queue.wait();
}

namespace {

boost::unit_test::precondition needs(const char* what, bool (*has)(const sycl::device&)) {
  return boost::unit_test::precondition([=](boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result result(has(context().get_devices().front()));
    result.message() << what;
    return result;
  });
}

}  // namespace

boost::unit_test::precondition needs_opencl() {
  return needs("the device is not an OpenCL one", [](const sycl::device& device) {
    return device.get_backend() == sycl::backend::opencl;
  });
}

boost::unit_test::precondition needs_graphs() {
  return needs("the device has no command graphs", [](const sycl::device& device) {
    return device.has(sycl::aspect::ext_oneapi_limited_graph);
  });
}

boost::unit_test::precondition needs_untimed_queues() {
  return needs("every queue of the device can be timed", [](const sycl::device& device) {
    return !device.has(sycl::aspect::ext_oneapi_queue_profiling_tag);
  });
}

bool is_complete(const sycl::event& event) {
  return event.get_info<sycl::info::event::command_execution_status>() ==
         sycl::info::event_command_status::complete;
}

}  // namespace xpu_event::testing
