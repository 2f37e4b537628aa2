#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/opencl.h"
#include "event/xpu_event.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

static_assert(std::is_base_of_v<std::runtime_error, Error>);

std::string translated(const std::function<void()>& action) {
  try {
    translate_errors("testing", action);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(sycl_exception_becomes_an_error_that_says_what_failed) {
  const auto fail = [] {
    throw sycl::exception(sycl::make_error_code(sycl::errc::invalid), "no such queue");
  };
  BOOST_TEST(translated(fail) ==
             "XPU event: testing failed: no such queue (SYCL error 8, invalid request).");
}

BOOST_AUTO_TEST_CASE(code_of_another_category_is_named) {
  const auto fail = [] {
    throw sycl::exception(std::make_error_code(std::errc::timed_out), "slow");
  };
  BOOST_TEST(translated(fail) == "XPU event: testing failed: slow (generic error 110).");
}

BOOST_AUTO_TEST_CASE(failure_of_the_sycl_runtime_is_translated, *needs_untimed_queues()) {
  sycl::queue queue = make_queue();
  const auto fail = [&] {
    using Submitted = sycl::info::event_profiling::command_submit;
    static_cast<void>(queue.ext_oneapi_submit_barrier().get_profiling_info<Submitted>());
  };
  BOOST_TEST(translated(fail).starts_with("XPU event: testing failed: "));
}

BOOST_AUTO_TEST_CASE(other_exceptions_pass) {
  const auto fail = [] { throw std::out_of_range("mine"); };
  BOOST_CHECK_THROW(translate_errors("testing", fail), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(result_is_passed_on) {
  int value = 1;
  int& same = translate_errors("testing", [&]() -> int& { return value; });
  BOOST_TEST(&same == &value);
}

BOOST_AUTO_TEST_CASE(missing_opencl_function_is_named, *needs_opencl()) {
  static_cast<void>(make_queue());
  BOOST_CHECK_EXCEPTION(static_cast<void>(find_opencl_symbol("clNoSuch")), Error,
                        [](const Error& error) {
                          return std::string(error.what()).find("clNoSuch") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
