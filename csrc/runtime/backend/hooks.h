#pragma once

namespace xpu_runtime {

/// Puts our hooks behind at::detail::getXPUHooks(), also when torch has asked for them before.
void register_hooks();

}  // namespace xpu_runtime
