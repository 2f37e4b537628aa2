#include "ops/python_args.h"

#include <c10/util/Exception.h>
#include <torch/csrc/Stream.h>

#include "ops/event_state.h"

namespace xpu_event_ops {

c10::Stream stream_of(PyObject* object, const char* where) {
  if (object == nullptr || object == Py_None) {
    return current_stream();
  }
  TORCH_CHECK_TYPE(PyObject_TypeCheck(object, THPStreamClass), where,
                   " needs a torch.Stream (such as torch.xpu.Stream()) or None for the current "
                   "stream, got ",
                   Py_TYPE(object)->tp_name, ".");
  const auto* stream = reinterpret_cast<THPStream*>(object);
  const auto type = static_cast<c10::DeviceType>(stream->device_type);
  TORCH_CHECK_VALUE(type == c10::kXPU, where, " needs a stream of an XPU device, got one of ",
                    c10::Device(type, static_cast<c10::DeviceIndex>(stream->device_index)),
                    ". Create it with torch.xpu.Stream().");
  return c10::Stream::unpack3(stream->stream_id,
                              static_cast<c10::DeviceIndex>(stream->device_index), type);
}

}  // namespace xpu_event_ops
