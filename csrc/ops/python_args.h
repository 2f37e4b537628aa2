// Python objects as the streams that they are.
#pragma once

#include <c10/core/Stream.h>
#include <torch/csrc/python_headers.h>

namespace xpu_event_ops {

// The XPU stream that a torch.Stream names; the current one for None. Raises TypeError for anything
// but a stream, and ValueError for a stream of another device type.
[[nodiscard]] c10::Stream stream_of(PyObject* object, const char* where);

}  // namespace xpu_event_ops
