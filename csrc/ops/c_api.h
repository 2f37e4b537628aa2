// The functions that xpu_dynamo_event/event.h, the header for other extensions, finds at run time.
#pragma once

#include <torch/csrc/python_headers.h>

namespace xpu_event_ops {

// A new reference to the capsule that holds them, to be the attribute `_C_API` of the module.
[[nodiscard]] PyObject* c_api_capsule();

// The same for the table of xpu_dynamo_event/c_api.h, without Python: `_C_FUNCTIONS`.
[[nodiscard]] PyObject* c_functions_capsule();

}  // namespace xpu_event_ops
