#include "runtime/c10_xpu/host_wait.h"

#include "runtime/c10_xpu/fork.h"

namespace xpu_runtime {
namespace {

GilCalls gil_calls{[]() -> void* { return nullptr; }, [](void*) {}};

}  // namespace

void set_gil_calls(const GilCalls& calls) noexcept { gil_calls = calls; }

HostWait::HostWait() {
  check_not_forked();
  state_ = gil_calls.release();
}

HostWait::~HostWait() {
  if (state_) gil_calls.restore(state_);
}

}  // namespace xpu_runtime
