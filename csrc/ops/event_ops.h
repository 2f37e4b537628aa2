// torch.ops.xpu_event.*: event and stream operations as dispatcher ops.
#pragma once

#include <torch/csrc/python_headers.h>

namespace xpu_event_ops {

// Sets what `xpu_event::create` and `create_stream` call to make an object of the class `name`. The
// reference is never released.
void set_factory(const char* name, PyObject* factory);

// A new event of the class "torch.xpu.Event", as `create` makes it. A new reference.
[[nodiscard]] PyObject* new_event();

}  // namespace xpu_event_ops
