#include "ops/event_operand.h"

#include <c10/util/Exception.h>
#include <torch/csrc/Device.h>
#include <torch/csrc/Event.h>
#include <torch/csrc/Stream.h>
#include <torch/csrc/utils/pybind.h>

#include <array>
#include <cstdint>

#include "ops/event_state.h"
#include "ops/event_times.h"
#include "ops/no_gil.h"

namespace xpu_event_ops {
namespace {

namespace py = pybind11;

// The C methods of the class with a second state; the references are never released.
struct Methods {
  PyTypeObject* type = nullptr;
  PyObject* record = nullptr;
  PyObject* wait = nullptr;
  PyObject* query = nullptr;
  PyObject* synchronize = nullptr;
  PyObject* elapsed_time = nullptr;
};

Methods& methods() {
  static Methods known;
  return known;
}

// Calls a method of the class with the GIL held.
template <class... Arguments>
py::object call(PyObject* method, Arguments... arguments) {
  PyObject* result = PyObject_CallFunctionObjArgs(method, arguments..., nullptr);
  if (result == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

void call_with_stream(PyObject* method, PyObject* event, const c10::Stream& stream) {
  const py::gil_scoped_acquire gil;
  const auto wrapped = py::reinterpret_steal<py::object>(THPStream_Wrap(stream));
  if (!wrapped) throw py::error_already_set();
  call(method, event, wrapped.ptr());
}

// The event's attribute as the class itself defines it.
py::object attribute(PyObject* event, const char* name) {
  const py::handle type = reinterpret_cast<PyObject*>(methods().type);
  return type.attr(name).attr("__get__")(py::handle(event));
}

sycl::event* native_of(PyObject* event) {
  return reinterpret_cast<sycl::event*>(attribute(event, "sycl_event").cast<std::uintptr_t>());
}

TimeStamp time_of(PyObject* event) {
  const py::gil_scoped_acquire gil;            // also keeps other threads from recording it
  call(methods().elapsed_time, event, event);  // raises unless it is timed, recorded and complete
  const auto device = attribute(event, "device");
  return {reinterpret_cast<THPDevice*>(device.ptr())->device.index(), *native_of(event)};
}

}  // namespace

EventOperand::EventOperand(PyObject* object, const char* where) : object_(object) {
  // PyObject_TypeCheck, not THPEvent_Check: isinstance can be overridden, and what follows is a
  // cast.
  TORCH_CHECK_TYPE(PyObject_TypeCheck(object, THPEventClass), where,
                   " needs a torch.Event (such as torch.xpu.Event()), got ",
                   Py_TYPE(object)->tp_name, ".");
}

bool EventOperand::has_own_state() const {
  const auto* type = methods().type;
  return type != nullptr && PyObject_TypeCheck(object_, const_cast<PyTypeObject*>(type));
}

c10::Event& EventOperand::base() const { return reinterpret_cast<THPEvent*>(object_)->event; }

void EventOperand::record(const c10::Stream& stream) const {
  if (has_own_state()) return call_with_stream(methods().record, object_, stream);
  xpu_event_ops::record(base(), stream);
}

void EventOperand::wait(const c10::Stream& stream) const {
  if (has_own_state()) return call_with_stream(methods().wait, object_, stream);
  xpu_event_ops::wait(base(), stream);
}

bool EventOperand::query() const {
  if (!has_own_state()) return xpu_event_ops::query(base());
  const py::gil_scoped_acquire gil;
  return call(methods().query, object_).ptr() == Py_True;
}

void EventOperand::synchronize() const {
  if (!has_own_state()) return xpu_event_ops::synchronize(base());
  const py::gil_scoped_acquire gil;
  call(methods().synchronize, object_);
}

double EventOperand::elapsed_ms(const EventOperand& start, const EventOperand& end) {
  const bool start_is_own = start.has_own_state();
  const bool end_is_own = end.has_own_state();
  if (!start_is_own && !end_is_own) return xpu_event_ops::elapsed_ms(start.base(), end.base());
  if (start_is_own && end_is_own) {
    const py::gil_scoped_acquire gil;
    return call(methods().elapsed_time, start.object_, end.object_).cast<double>();
  }
  if (start_is_own) return ms_between(time_of(start.object_), time_of(end.base(), "end"));
  return ms_between(time_of(start.base(), "start"), time_of(end.object_));
}

sycl::event EventOperand::native() const {
  if (!has_own_state()) {
    const NoGil no_gil;
    return share(base());
  }
  const auto* native = native_of(object_);
  return native != nullptr ? *native : sycl::event{};
}

bool set_class_with_own_state(PyObject* base) {
  auto& known = methods();
  const std::array<std::pair<const char*, PyObject**>, 5> wanted{{
      {"record", &known.record},
      {"wait", &known.wait},
      {"query", &known.query},
      {"synchronize", &known.synchronize},
      {"elapsed_time", &known.elapsed_time},
  }};
  for (const auto& [name, method] : wanted) {
    *method = PyObject_GetAttrString(base, name);
    if (*method == nullptr) return false;
  }
  Py_INCREF(base);
  known.type = reinterpret_cast<PyTypeObject*>(base);
  return true;
}

}  // namespace xpu_event_ops
