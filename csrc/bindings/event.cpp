// xpu_dynamo_event._native: the event type, the latch of the tests, and what ops.py sets up.
#include <pybind11/pybind11.h>
#include <sycl/sycl.hpp>

#include "bindings/native_parts.h"
#include "event/latch.h"
#include "event/queue_address.h"
#include "ops/cpp_graph.h"
#include "ops/event_calls.h"
#include "ops/event_operand.h"
#include "ops/event_ops.h"
#include "ops/event_state.h"
#include "ops/event_type.h"
#include "ops/external_stream.h"
#include "ops/no_gil.h"
#include "ops/switch_watch.h"

namespace py = pybind11;

namespace {

void bind_latch(py::module_& m) {
  py::class_<xpu_event::Latch>(m, "Latch")
      .def(py::init([](uintptr_t sycl_queue) {
             auto& known = xpu_event_ops::queue_of(xpu_event_ops::current_stream());
             return std::make_unique<xpu_event::Latch>(xpu_event::queue_at(sycl_queue, known));
           }),
           py::arg("sycl_queue"))
      .def("release", &xpu_event::Latch::release, py::call_guard<xpu_event_ops::NoGil>());
}

void bind_switch_watch(py::module_& m) {
  using xpu_event_ops::SwitchWatch;
  py::class_<SwitchWatch>(m, "SwitchWatch")
      .def(py::init<>())
      .def("count", &SwitchWatch::count)
      .def("go_back_to", &SwitchWatch::go_back_to, py::arg("count"))
      .def("end", &SwitchWatch::end);
}

}  // namespace

PYBIND11_MODULE(_native, m) {
  m.doc() = "Native part of xpu_dynamo_event: the event type and its ops.";

  PyTypeObject* event_base = xpu_event_ops::event_base_type();
  if (event_base == nullptr) {
    throw py::error_already_set();
  }
  m.attr("EventBase") = py::handle(reinterpret_cast<PyObject*>(event_base));

  if (PyModule_AddFunctions(m.ptr(), xpu_event_ops::event_calls()) < 0 ||
      PyModule_AddFunctions(m.ptr(), xpu_event_ops::cpp_graph_functions()) < 0) {
    throw py::error_already_set();
  }

  m.def(
      "set_class_with_own_state",
      [](const py::object& base) {
        if (!xpu_event_ops::set_class_with_own_state(base.ptr())) throw py::error_already_set();
      },
      py::arg("base"));

  m.def("lock_calls", &xpu_event_ops::lock_calls);

  m.def(
      "set_factory",
      [](const char* name, const py::object& factory) {
        xpu_event_ops::set_factory(name, factory.ptr());
      },
      py::arg("name"), py::arg("factory"));

  xpu_bindings::bind_interop(m);

  bind_latch(m);
  bind_switch_watch(m);
}
