#include "ops/event_type.h"

#include <torch/csrc/Device.h>
#include <torch/csrc/Event.h>
#include <torch/csrc/utils/object_ptr.h>
#include <torch/csrc/utils/pybind.h>

#include <cstddef>

#include "ops/event_docs.h"
#include "ops/event_operand.h"
#include "ops/event_state.h"
#include "ops/no_gil.h"
#include "ops/profiler_range.h"
#include "ops/python_args.h"
#include "ops/python_errors.h"
#include "ops/shared_events.h"

namespace xpu_event_ops {
namespace {

// The state is the base's c10::Event and nothing else: a second one beside it, as upstream's
// THXPEvent keeps, is not seen by torch.Stream.wait_event, which then silently does not wait.
struct EventBase : THPEvent {
  // Stays all zeros. THXPEvent has its second state here, and its elapsed_time() casts whatever it
  // is given: zeros are an event that was never recorded, which it refuses.
  std::byte place_of_second_state[4 * sizeof(void*)];
  bool blocking;  // only remembers the flag, for copies and repr
};

c10::Event& state(PyObject* self) { return reinterpret_cast<THPEvent*>(self)->event; }

using Method = const char*;

// The single optional argument `stream` of record and wait, by position or keyword.
PyObject* optional_stream(Method method, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  TORCH_CHECK_TYPE(count + named <= 1, method, "() takes at most one argument, 'stream', got ",
                   count + named, ".");
  if (named == 1) {
    const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, 0));
    TORCH_CHECK_TYPE(name != nullptr && strcmp(name, "stream") == 0, method,
                     "() got an unexpected keyword argument '", name == nullptr ? "?" : name,
                     "'; it takes 'stream'.");
  }
  return count + named == 1 ? args[0] : nullptr;
}

// Python's own words name what was wrong, but not what would be right.
void say_what_event_takes() {
  if (PyErr_ExceptionMatches(PyExc_TypeError) == 0) return;
  PyObject *kind = nullptr, *error = nullptr, *traceback = nullptr;
  PyErr_Fetch(&kind, &error, &traceback);
  const THPObjectPtr kinds(kind), value(error), traces(traceback);
  PyErr_Format(
      PyExc_TypeError,
      "Event(): %S. It takes enable_timing, blocking and interprocess, each True or False.",
      value.get());
}

PyObject* event_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return translate_errors([&]() -> PyObject* {
    int enable_timing = 0;
    int blocking = 0;
    int interprocess = 0;
    static const char* keywords[] = {"enable_timing", "blocking", "interprocess", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|ppp", const_cast<char**>(keywords),
                                     &enable_timing, &blocking, &interprocess)) {
      say_what_event_takes();
      return nullptr;
    }
    THPObjectPtr self(type->tp_alloc(type, 0));
    if (!self) {
      return nullptr;
    }
    auto* event = reinterpret_cast<EventBase*>(self.get());
    new (&event->event) c10::Event(c10::kXPU, enable_timing ? c10::EventFlag::BACKEND_DEFAULT
                                                            : c10::EventFlag::PYTORCH_DEFAULT);
    event->blocking = blocking != 0;
    if (interprocess) share_between_processes(event->event);
    return self.release();
  });
}

// Does what the base's does, but with NoGil: the base's scope without the GIL aborts in a daemon
// thread when the process ends.
void event_dealloc(PyObject* self) {
  forget_shared(state(self));
  {
    const NoGil no_gil;
    state(self).~Event();
  }
  THPEvent_dealloc_common(reinterpret_cast<THPEvent*>(self));
}

PyObject* event_record(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return translate_errors([&]() -> PyObject* {
    const auto stream = stream_of(optional_stream("record", args, count, names), "Event.record()");
    const ProfilerRange range("xpu_event::record", state(self), stream);
    {
      const NoGil no_gil;
      record(state(self), stream);
    }
    Py_RETURN_NONE;
  });
}

PyObject* event_wait(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return translate_errors([&]() -> PyObject* {
    const auto stream = stream_of(optional_stream("wait", args, count, names), "Event.wait()");
    const ProfilerRange range("xpu_event::wait", state(self), stream);
    {
      const NoGil no_gil;
      wait(state(self), stream);
    }
    Py_RETURN_NONE;
  });
}

// Keeps the GIL for a call that is shorter than releasing it, unless the call may wait for a lock.
template <class Call>
auto quick(Call call) {
  if (!calls_lock()) return call();
  const NoGil no_gil;
  return call();
}

PyObject* event_query(PyObject* self, PyObject* /*unused*/) {
  return translate_errors([&]() -> PyObject* {
    const ProfilerRange range("xpu_event::query", state(self));
    return PyBool_FromLong(quick([&] { return query(state(self)); }));
  });
}

PyObject* event_synchronize(PyObject* self, PyObject* /*unused*/) {
  return translate_errors([&]() -> PyObject* {
    const ProfilerRange range("xpu_event::synchronize", state(self));
    {
      const NoGil no_gil;
      synchronize(state(self));
    }
    Py_RETURN_NONE;
  });
}

PyObject* event_elapsed_time(PyObject* self, PyObject* end) {
  return translate_errors([&]() -> PyObject* {
    const EventOperand from(self, "Event.elapsed_time()");
    const EventOperand to(end, "Event.elapsed_time()");
    const ProfilerRange range("xpu_event::elapsed_time", state(self));
    return PyFloat_FromDouble(quick([&] { return EventOperand::elapsed_ms(from, to); }));
  });
}

PyObject* event_ipc_handle(PyObject* self, PyObject* /*unused*/) {
  return translate_errors([&]() -> PyObject* {
    const std::string handle = handle_of(state(self));
    return PyBytes_FromStringAndSize(handle.data(), static_cast<Py_ssize_t>(handle.size()));
  });
}

PyObject* get_device(PyObject* self, void* /*unused*/) {
  return translate_errors([&]() -> PyObject* {
    if (!state(self).was_marked_for_recording()) {
      Py_RETURN_NONE;
    }
    return THPDevice_New(state(self).device());
  });
}

PyObject* get_sycl_event(PyObject* self, void* /*unused*/) {
  return PyLong_FromVoidPtr(state(self).eventId());
}

PyObject* get_enable_timing(PyObject* self, void* /*unused*/) {
  return PyBool_FromLong(state(self).flag() == c10::EventFlag::BACKEND_DEFAULT);
}

PyObject* get_blocking(PyObject* self, void* /*unused*/) {
  return PyBool_FromLong(reinterpret_cast<EventBase*>(self)->blocking);
}

template <class F>
PyCFunction as_method(F* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function));
}

PyMethodDef methods[] = {
    {"record", as_method(&event_record), METH_FASTCALL | METH_KEYWORDS, docs::record},
    {"wait", as_method(&event_wait), METH_FASTCALL | METH_KEYWORDS, docs::wait},
    {"query", event_query, METH_NOARGS, docs::query},
    {"synchronize", event_synchronize, METH_NOARGS, docs::synchronize},
    {"elapsed_time", event_elapsed_time, METH_O, docs::elapsed_time},
    {"ipc_handle", event_ipc_handle, METH_NOARGS, docs::ipc_handle},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef properties[] = {
    {"device", get_device, nullptr, docs::device, nullptr},
    {"sycl_event", get_sycl_event, nullptr, docs::sycl_event, nullptr},
    {"enable_timing", get_enable_timing, nullptr, docs::enable_timing, nullptr},
    {"blocking", get_blocking, nullptr, docs::blocking, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

void fill(PyTypeObject& type) {
  type.tp_name = "xpu_dynamo_event._native.EventBase";
  type.tp_doc = docs::event;
  type.tp_basicsize = sizeof(EventBase);
  type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
  type.tp_methods = methods;
  type.tp_getset = properties;
  type.tp_new = event_new;
  type.tp_base = THPEventClass;
  type.tp_dealloc = event_dealloc;
}

}  // namespace

PyTypeObject* event_base_type() {
  static PyTypeObject type{};
  static const bool ready = (fill(type), PyType_Ready(&type) == 0);
  return ready ? &type : nullptr;
}

}  // namespace xpu_event_ops
