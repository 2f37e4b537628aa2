// Events and queues of other libraries.
#include <pybind11/pybind11.h>
#include <torch/csrc/Exceptions.h>

#include "bindings/native_parts.h"
#include "ops/c_api.h"
#include "ops/capsules.h"
#include "ops/event_operand.h"
#include "ops/event_state.h"
#include "ops/external_stream.h"
#include "ops/gpu_trace.h"
#include "ops/no_gil.h"
#include "ops/python_args.h"
#include "ops/shared_events.h"

namespace py = pybind11;

namespace xpu_bindings {
namespace {

using namespace xpu_event_ops;

py::object event_capsule(const py::object& event) {
  return py::reinterpret_steal<py::object>(
      capsule_of(EventOperand(event.ptr(), "event_capsule()").native()));
}

void adopt_capsule(const py::object& event, const py::object& capsule, int device) {
  auto& state = EventOperand(event.ptr(), "adopt_capsule()").base();
  const auto index = index_or_current(device);
  const auto native = take_event(capsule.ptr(), "Event.from_capsule()");
  const NoGil no_gil;
  adopt(state, native, index);
}

void adopt_handle(const py::object& event, const std::string& handle, int device) {
  auto& state = EventOperand(event.ptr(), "adopt_handle()").base();
  const auto index = index_or_current(device);
  const auto native = open_handle(handle, index);
  const NoGil no_gil;
  adopt(state, native, index);
}

py::object queue_capsule(const py::object& stream) {
  return py::reinterpret_steal<py::object>(
      capsule_of(queue_of(stream_of(stream.ptr(), "queue_capsule()"))));
}

py::object stream_of_queue(const py::object& source, int device) {
  const auto index = index_from(device);
  const auto queue = queue_from(source.ptr(), "external_stream()");
  return py::reinterpret_steal<py::object>(python_stream(external_stream(queue, index)));
}

py::object default_stream(int device) {
  return py::reinterpret_steal<py::object>(
      python_stream(default_stream_on(index_or_current(device))));
}

}  // namespace

void bind_interop(py::module_& m) {
  m.attr("_C_FUNCTIONS") = py::reinterpret_steal<py::object>(c_functions_capsule());
  m.attr("_C_API") = py::reinterpret_steal<py::object>(c_api_capsule());
  m.def(
      "set_native_events",
      [](std::uintptr_t address) {
        set_native_events(*reinterpret_cast<const xpu_event::NativeEvents*>(address));
      },
      py::arg("address"), "Let the device's implementation say how it keeps native events.");
  m.def("event_capsule", torch::wrap_pybind_function(&event_capsule), py::arg("event"),
        "Return a capsule with the native event of an event.");
  m.def("adopt_capsule", torch::wrap_pybind_function(&adopt_capsule), py::arg("event"),
        py::arg("capsule"), py::arg("device"),
        "Make a new event one that was recorded as what a capsule holds.");
  m.def("adopt_handle", torch::wrap_pybind_function(&adopt_handle), py::arg("event"),
        py::arg("handle"), py::arg("device"),
        "Make a new event the one that another process got these bytes for.");
  m.def("queue_capsule", torch::wrap_pybind_function(&queue_capsule), py::arg("stream"),
        "Return a capsule with the queue of a stream.");
  m.def("keep_errors_in_gpu_trace", &keep_errors_in_gpu_trace,
        "Let torch's GPU trace leave an exception alone that is raised while a tensor dies.");
  m.def("default_stream", torch::wrap_pybind_function(&default_stream), py::arg("device"),
        "Return the stream that a new thread begins on.");
  m.def("external_stream", torch::wrap_pybind_function(&stream_of_queue), py::arg("queue"),
        py::arg("device"), "Return the stream that stands for a queue: a capsule or an address.");
}

}  // namespace xpu_bindings
