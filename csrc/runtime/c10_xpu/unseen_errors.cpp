#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "runtime/c10_xpu/fork.h"
#include "runtime/c10_xpu/stream_state.h"

namespace xpu_runtime {
namespace {

// SYCL and OpenCL wait for all work too when they shut down. Python has ended: no lock of it.
void finish(StreamState& stream) {
  if (stream.progress->pending.load() == 0) return;
  if (stream.native)
    finish_native_queue(*stream.native);
  else
    stream.queue.wait();
}

bool print_error(StreamState& stream) {
  try {
    stream.rethrow_error();
    return false;
  } catch (const std::exception& error) {
    const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
    std::fprintf(
        stderr,
        "xpu_dynamo_event: a kernel on stream %ld of xpu:%d failed, and nothing waited for "
        "it. Call torch.xpu.synchronize() before the program ends to see where: %s\n",
        static_cast<long>(stream.handle.id()), stream.device(),
        of_torch ? of_torch->what_without_backtrace() : error.what());
    return true;
  }
}

void report(int status, void* /*nothing*/) {
  if (in_bad_fork()) return;
  bool found = false;
  for (c10::DeviceIndex i = 0; i < c10::xpu::device_count(); ++i) {
    const auto streams = used_streams(i);
    for (auto* stream : streams) finish(*stream);
    for (auto* stream : streams)
      while (print_error(*stream)) found = true;
  }
  if (!found || status != 0) return;
  std::fflush(nullptr);
  ::_exit(1);
}

}  // namespace

void report_unseen_errors_at_exit() {
  [[maybe_unused]] static const int registered = ::on_exit(&report, nullptr);
}

}  // namespace xpu_runtime
