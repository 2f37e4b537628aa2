#pragma once

#include <c10/macros/Macros.h>

namespace xpu_runtime {

/// How to give up and take back the Python interpreter lock; set by the Python bindings.
struct GilCalls {
  /// Returns what `restore` needs, or null when this thread does not hold the lock.
  void* (*release)();
  void (*restore)(void* state);
};
C10_EXPORT void set_gil_calls(const GilCalls& calls) noexcept;

/// A scope in which this thread waits for the device, without the interpreter lock.
///
/// A task that runs during the wait may destroy the last reference to a tensor with a Python
/// object, which takes that lock, so a wait that held it would never end. Callers hold no other
/// lock either, because the waiting thread may run tasks itself.
class C10_EXPORT HostWait {
 public:
  HostWait();
  ~HostWait();
  C10_DISABLE_COPY_AND_ASSIGN(HostWait);

 private:
  void* state_;
};

}  // namespace xpu_runtime
