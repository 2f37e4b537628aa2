#include "runtime/c10_xpu/fork.h"

#include <c10/util/Exception.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace xpu_runtime {
namespace {

std::atomic<bool> bad_fork{false};

void end_at_once(int status, void* /*nothing*/) {
  std::fflush(nullptr);
  ::_exit(status);
}

}  // namespace

void note_device_use() {
  // The handler is never removed, so it has to be installed exactly once.
  [[maybe_unused]] static const int installed = pthread_atfork(nullptr, nullptr, [] {
    bad_fork.store(true);
    // What OpenCL and autograd do when a process ends waits for threads that the child lacks.
    ::on_exit(&end_at_once, nullptr);
  });
}

bool in_bad_fork() noexcept { return bad_fork.load(std::memory_order_relaxed); }

void check_not_forked() {
  TORCH_CHECK(!in_bad_fork(),
              "Cannot use the XPU device in a forked process: the parent had used it before the "
              "fork. Start the process with the 'spawn' method, or fork before the first use.");
}

}  // namespace xpu_runtime
