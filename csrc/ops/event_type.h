// The C type under xpu_dynamo_event.Event.
#pragma once

#include <torch/csrc/python_headers.h>

namespace xpu_event_ops {

// Readies the type on first use and returns a borrowed reference to it; nullptr with a Python error
// set if torch's own type cannot be extended.
[[nodiscard]] PyTypeObject* event_base_type();

}  // namespace xpu_event_ops
