// torch.ops.xpu_event.*: event and stream operations as dispatcher ops.
#pragma once

#include <torch/csrc/python_headers.h>

namespace xpu_event_ops {

// What `xpu_event::create` calls for `name`, with the keywords enable_timing and blocking; a
// reference to it is held for good.
void set_factory(const char* name, PyObject* factory);

}  // namespace xpu_event_ops
