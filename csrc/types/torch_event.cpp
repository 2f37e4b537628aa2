#include "types/torch_event.h"

#include <c10/xpu/XPUStream.h>
#include <torch/csrc/Device.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/utils/object_ptr.h>
#include <torch/csrc/xpu/Event.h>

#include <new>
#include <type_traits>

#include "ops/no_gil.h"

namespace xpu_types {
namespace {

using c10::xpu::XPUEvent;
using c10::xpu::XPUStream;

// Upstream's layout: a torch.Event whose c10::Event stays all zeros, and the state beside it.
XPUEvent& state(PyObject* self) { return reinterpret_cast<THXPEvent*>(self)->xpu_event; }

XPUStream stream_of(PyObject* object, const char* method) {
  TORCH_CHECK_TYPE(PyObject_TypeCheck(object, THPStreamClass), method,
                   "() needs a torch.Stream, got ", Py_TYPE(object)->tp_name, ".");
  const auto* stream = reinterpret_cast<THPStream*>(object);
  return XPUStream::unpack3(stream->stream_id, static_cast<c10::DeviceIndex>(stream->device_index),
                            static_cast<c10::DeviceType>(stream->device_type));
}

// Torch 2.15 made events that another process can open.
template <class Event>
void construct(Event* place, bool enable_timing, [[maybe_unused]] bool interprocess) {
  if constexpr (std::is_constructible_v<Event, bool, bool>) {
    new (place) Event(enable_timing, interprocess);
  } else {
    new (place) Event(enable_timing);
  }
}

PyObject* event_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  HANDLE_TH_ERRORS
  unsigned char enable_timing = 0;
  unsigned char interprocess = 0;
  static const char* keywords[] = {"enable_timing", "interprocess", nullptr};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|bb", const_cast<char**>(keywords),
                                   &enable_timing, &interprocess))
    return nullptr;
  THPObjectPtr object(type->tp_alloc(type, 0));
  if (!object) return nullptr;
  construct(&state(object.get()), enable_timing != 0, interprocess != 0);
  return object.release();
  END_HANDLE_TH_ERRORS
}

void event_dealloc(PyObject* self) {
  {
    const xpu_event_ops::NoGil no_gil;
    state(self).~XPUEvent();
  }
  THPEvent_dealloc_common(reinterpret_cast<THPEvent*>(self));
}

PyObject* event_record(PyObject* self, PyObject* stream) {
  HANDLE_TH_ERRORS
  state(self).record(stream_of(stream, "record"));
  Py_RETURN_NONE;
  END_HANDLE_TH_ERRORS
}

PyObject* event_wait(PyObject* self, PyObject* stream) {
  HANDLE_TH_ERRORS
  state(self).block(stream_of(stream, "wait"));
  Py_RETURN_NONE;
  END_HANDLE_TH_ERRORS
}

PyObject* event_query(PyObject* self, PyObject* /*unused*/) {
  HANDLE_TH_ERRORS
  return PyBool_FromLong(state(self).query());
  END_HANDLE_TH_ERRORS
}

PyObject* event_synchronize(PyObject* self, PyObject* /*unused*/) {
  HANDLE_TH_ERRORS {
    const xpu_event_ops::NoGil no_gil;
    state(self).synchronize();
  }
  Py_RETURN_NONE;
  END_HANDLE_TH_ERRORS
}

// Unchecked, as upstream: it takes any object for an event of this class.
PyObject* event_elapsed_time(PyObject* self, PyObject* other) {
  HANDLE_TH_ERRORS
  return PyFloat_FromDouble(state(self).elapsed_time(state(other)));
  END_HANDLE_TH_ERRORS
}

PyObject* event_sycl_event(PyObject* self, void* /*closure*/) {
  HANDLE_TH_ERRORS
  const bool created = state(self).isCreated();
  return PyLong_FromVoidPtr(created ? &state(self).event() : nullptr);
  END_HANDLE_TH_ERRORS
}

PyObject* event_device(PyObject* self, void* /*closure*/) {
  HANDLE_TH_ERRORS
  const auto device = state(self).device();
  if (!device) Py_RETURN_NONE;
  return THPDevice_New(*device);
  END_HANDLE_TH_ERRORS
}

PyGetSetDef properties[] = {{"device", event_device, nullptr, nullptr, nullptr},
                            {"sycl_event", event_sycl_event, nullptr, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMethodDef methods[] = {{"record", event_record, METH_O, nullptr},
                         {"wait", event_wait, METH_O, nullptr},
                         {"query", event_query, METH_NOARGS, nullptr},
                         {"elapsed_time", event_elapsed_time, METH_O, nullptr},
                         {"synchronize", event_synchronize, METH_NOARGS, nullptr},
                         {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyTypeObject* torch_event_type() {
  static PyTypeObject type{};
  Py_SET_REFCNT(&type, 1);
  type.tp_name = "torch._C._XpuEventBase";
  type.tp_basicsize = sizeof(THXPEvent);
  type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
  type.tp_methods = methods;
  type.tp_getset = properties;
  type.tp_base = THPEventClass;
  type.tp_new = event_new;
  type.tp_dealloc = event_dealloc;
  return PyType_Ready(&type) < 0 ? nullptr : &type;
}

}  // namespace xpu_types
