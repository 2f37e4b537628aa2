// Event operations as plain Python functions, for generated code. They use neither the dispatcher
// nor an argument parser; the operands are an event and a stream (or None), by position.
#pragma once

#include <torch/csrc/python_headers.h>

namespace xpu_event_ops {

// A table for PyModule_AddFunctions.
[[nodiscard]] PyMethodDef* event_calls();

}  // namespace xpu_event_ops
