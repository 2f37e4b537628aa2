// Threads that ask a queue whether it is idle while others submit to it.
//
//   xpu_event_idle_stress [seconds]        streams and events of the runtime
//   xpu_event_idle_stress sycl [seconds]   nothing but SYCL, which does not bear it: it ends in a
//                                          segmentation fault in Intel's OpenCL adapter
#include <c10/xpu/XPUStream.h>

#include <string_view>

#include <sycl/sycl.hpp>

#include "runtime/backend/recorded_event.h"
#include "runtime/c10_xpu/task_queue.h"
#include "tests/device.h"
#include "tests/stress.h"

namespace xpu_runtime::testing {
namespace {

using xpu_event::testing::Action;
using xpu_event::testing::Worker;

// Long enough that two threads are in the middle of theirs at once.
constexpr int kSubmissions = 500;
constexpr int kQuestions = 5000;

std::vector<Action> with_runtime() {
  const auto stream = c10::xpu::getCurrentXPUStream(0);
  const auto submit = [stream](Worker& /*worker*/) {
    RecordedEvent event(/*enable_timing=*/false);
    for (int i = 0; i < kSubmissions; ++i) event.record(stream);
  };
  const auto ask = [stream](Worker& /*worker*/) {
    for (int i = 0; i < kQuestions; ++i) static_cast<void>(is_idle(stream));
  };
  return {{"submit", submit}, {"ask", ask}};
}

std::vector<Action> with_sycl_only() {
  const auto queue = std::make_shared<sycl::queue>(xpu_event::testing::make_queue());
  const auto submit = [queue](Worker& /*worker*/) {
    for (int i = 0; i < kSubmissions; ++i) queue->ext_oneapi_submit_barrier();
  };
  const auto ask = [queue](Worker& /*worker*/) {
    for (int i = 0; i < kQuestions; ++i) static_cast<void>(queue->ext_oneapi_empty());
  };
  return {{"submit", submit}, {"ask", ask}};
}

}  // namespace
}  // namespace xpu_runtime::testing

int main(int argc, char* argv[]) {
  using namespace xpu_runtime::testing;
  xpu_event::testing::find_device();
  const bool sycl_only = argc > 1 && std::string_view(argv[1]) == "sycl";
  const int skipped = sycl_only ? 1 : 0;
  const int status = xpu_event::testing::run_stress(argc - skipped, argv + skipped,
                                                    sycl_only ? with_sycl_only() : with_runtime());
  if (!sycl_only) xpu_runtime::synchronize(c10::DeviceIndex{0});
  return status;
}
