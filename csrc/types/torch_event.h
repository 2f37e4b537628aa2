#pragma once

#include <torch/csrc/python_headers.h>

/// Python types, written in C, that a torch with XPU has and other builds of torch do not.
namespace xpu_types {

/// The base of that torch's class torch.xpu.Event, on this runtime; upstream it is in
/// torch/csrc/xpu/Event.cpp. Call it once. Null, with an error set, if the type cannot be made.
[[nodiscard]] PyTypeObject* torch_event_type();

}  // namespace xpu_types
