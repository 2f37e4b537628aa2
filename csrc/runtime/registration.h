#pragma once

#include <string>

namespace xpu_runtime {

/// How the backend is put into this process.
struct RegistrationOptions {
  /// Registers the device guard of torch's own headers instead of ours. For tests: the event layer
  /// must not notice.
  bool upstream_guard = false;
  /// Hides the CUDA of a CUDA build, without which torch would have two accelerators.
  bool hide_cuda = false;
};

/// Registers the xpu backend with torch: guard, allocators, hooks. Kernels register when the
/// library is loaded. Looks for devices only where a backward has run already. Throws if torch has
/// an xpu backend already, this one included.
void register_backend(const RegistrationOptions& options);

}  // namespace xpu_runtime
