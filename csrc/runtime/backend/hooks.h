#pragma once

namespace xpu_runtime {

/// Puts our hooks behind at::detail::getXPUHooks(), also when torch has asked for them before.
void register_hooks();

/// Makes a CUDA build of torch look, to its own C++, like one for the processor alone: torch takes
/// exactly one accelerator, and a CUDA build says it has one even on a machine without a driver.
/// Throws if CUDA devices are in reach of this process. Does nothing on other builds.
void hide_cuda();

}  // namespace xpu_runtime
