#pragma once

namespace xpu_runtime {

/// Gives the autograd engine its threads for this device, if it started without them.
///
/// The engine counts devices once, at the first backward. One that ran before the backend was
/// registered would make the first backward on the device fail an internal assertion.
void ensure_autograd_threads();

}  // namespace xpu_runtime
