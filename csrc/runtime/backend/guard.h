#pragma once

#include "event/native_events.h"

namespace xpu_runtime {

/// Registers the device guard: streams, events and the current device behind torch's generic API.
///
/// The payload of a `c10::Event` is an `xpu_event::XPUEvent*`.
void register_guard();

/// How that guard keeps native events.
[[nodiscard]] const xpu_event::NativeEvents& native_events();
/// How the guard of torch's headers does.
[[nodiscard]] const xpu_event::NativeEvents& upstream_native_events();

/// Registers the guard of torch's headers instead, whose payload is a `sycl::event*`.
void register_upstream_guard();

}  // namespace xpu_runtime
